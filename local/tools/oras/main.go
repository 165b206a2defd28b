// A stand-in for the ORAS command line, which Go's module proxy does not serve: `oras pull` alone, by the ORAS project's own
// library. Every other command and flag is refused.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 || arguments[0] != "pull" {
		return fmt.Errorf("this stand-in for oras knows `oras pull` only")
	}
	flags := flag.NewFlagSet("pull", flag.ContinueOnError)
	output := flags.String("output", ".", "directory for the files")
	plainHTTP := flags.Bool("plain-http", false, "speak HTTP without TLS to the registry")
	registryConfig := flags.String("registry-config", "", "file with the registries' logins")
	flags.Bool("no-tty", false, "no progress bars; there are none here")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("usage: oras pull [flags] <repository>@sha256:<digest>, flags first")
	}
	return pull(ctx, flags.Arg(0), *output, *plainHTTP, *registryConfig)
}

func pull(ctx context.Context, name, output string, plainHTTP bool, registryConfig string) error {
	repository, err := remote.NewRepository(name)
	if err != nil {
		return err
	}
	repository.PlainHTTP = plainHTTP
	client := &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache()}
	if registryConfig != "" {
		logins, err := credentials.NewFileStore(registryConfig)
		if err != nil {
			return err
		}
		client.Credential = credentials.Credential(logins)
	}
	repository.Client = client
	files, err := file.New(output)
	if err != nil {
		return err
	}
	defer files.Close()
	options := oras.CopyOptions{}
	options.FindSuccessors = named
	options.PostCopy = func(_ context.Context, layer ocispec.Descriptor) error {
		if title := layer.Annotations[ocispec.AnnotationTitle]; title != "" {
			fmt.Println("Downloaded ", layer.Digest.Encoded()[:12], title)
		}
		return nil
	}
	root, err := oras.Copy(ctx, repository, repository.Reference.Reference, files, "", options)
	if err != nil {
		return err
	}
	fmt.Println("Pulled [registry]", name)
	fmt.Println("Digest:", root.Digest)
	return nil
}

// named lists what a manifest refers to by a file's name. Layers of an image have none, so nothing of an image is written.
func named(ctx context.Context, fetcher content.Fetcher, node ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	all, err := content.Successors(ctx, fetcher, node)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(each ocispec.Descriptor) bool {
		return each.Annotations[ocispec.AnnotationTitle] == ""
	}), nil
}
