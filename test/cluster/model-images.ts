/**
 * Makes a ModelCar image of the local hub's tiny model and pushes it into the cluster's own registry, as a person would with
 * Buildah; prints its reference by digest. Run with the platform's MODELCAR_STATE, in a process of its own, because that is
 * read once. Arguments: folder with the model's files, repository, tag.
 */
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withContext } from "../../local/images/image.ts";
import { buildahCommand, buildahEnvironment, buildImage } from "../../local/images/store.ts";
import { runInSandbox } from "../../local/node/sandbox.ts";
import { debianProgram } from "../../local/toolchain/debian.ts";

const [files, repository, tag] = process.argv.slice(2) as [string, string, string];

await withContext(async (context) => {
  cpSync(files, join(context, "models"), { recursive: true });
  copyFileSync(debianProgram("bin/busybox"), join(context, "busybox"));
  // A ModelCar: the files in /models, and a shell that can link them to where the server looks.
  writeFileSync(
    join(context, "Containerfile"),
    'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nCOPY models /models\n',
  );
  const name = `modelcar.local/test-model:${tag}`;
  await buildImage({ name, containerfile: join(context, "Containerfile"), context });
  const digestFile = join(context, "digest");
  const destination = `docker://${repository}:${tag}`;
  const [command, args] = buildahCommand(
    "push",
    "--tls-verify=false",
    "--digestfile",
    digestFile,
    name,
    destination,
  );
  // The registry's name is known on the node.
  await runInSandbox(command, args, { env: buildahEnvironment() });
  console.log(`${repository}@${readFileSync(digestFile, "utf8").trim()}`);
});
