#!/bin/sh
# Resolves every requirements.in into a requirements.txt with hashes. Needs uv on PATH. It keeps the versions that a lock has where
# they still fit: `npm run update -- python` moves them. After a change here, build the images and run their tests before committing.
set -eu
cd "$(dirname "$0")"

compile() {
  output=$1
  shift
  uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
    --generate-hashes --no-header --no-emit-index-url --no-annotate "$@" --output-file "$output"
}

# The image that an image stands on, as its Containerfile says it.
below() {
  sed -n 's|^ARG [A-Z]*_IMAGE=modelcar\.local/||p' "$1/Containerfile"
}

# An image gets the packages of the one below it too, so it must take those versions.
for input in */requirements.in; do
  image=${input%/*}
  echo "$(below "$image") $image"
done | tsort | while read -r image; do
  [ -e "$image/requirements.in" ] || continue
  constraints=$(below "$image")/requirements.txt
  if [ "$image" = guidellm ]; then
    # GuideLLM refuses the click of the image that it stands on, so it brings its own.
    sed -nE '/^click==/d; s/^([a-z0-9_.-]+==[^ ]+).*/\1/p' "$constraints" > guidellm/constraints.txt
    constraints=guidellm/constraints.txt
  fi
  set -- "$image/requirements.in"
  [ ! -e "$image/overrides.txt" ] || set -- "$@" --override "$image/overrides.txt"
  [ ! -e "$constraints" ] || set -- "$@" --constraint "$constraints"
  compile "$image/requirements.txt" "$@"
  rm -f guidellm/constraints.txt
done

compile ../tasks/requirements-test.txt ../tasks/requirements-test.in --override tasks/overrides.txt --constraint tasks/requirements.txt
compile ../tasks/requirements-pytest.txt ../tasks/requirements-pytest.in --constraint evaluate/requirements.txt
compile ../tasks/requirements-check.txt ../tasks/requirements-check.in --constraint ../tasks/requirements-test.txt
