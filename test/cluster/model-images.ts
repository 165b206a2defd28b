/**
 * `push FOLDER REPOSITORY TAG`: makes a ModelCar image of the model's files in a folder, pushes it into the cluster's own
 * registry, as a user would with Buildah, and prints its reference by digest. `remove REFERENCE`: removes what the node pulled
 * of it. Runs with the platform's MODELCAR_STATE, in its own process, because that is read once.
 */
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withContext } from "../../local/images/image.ts";
import { buildahCommand, buildahEnvironment, buildImage } from "../../local/images/store.ts";
import { containerdSocket } from "../../local/node/configuration.ts";
import { runInSandbox } from "../../local/node/sandbox.ts";
import { debianProgram } from "../../local/toolchain/debian.ts";

async function push(files: string, repository: string, tag: string): Promise<void> {
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
    const flags = ["--tls-verify=false", "--digestfile", digestFile];
    const [command, args] = buildahCommand("push", ...flags, name, `docker://${repository}:${tag}`);
    // Only the node resolves the registry's name.
    await runInSandbox(command, args, { env: buildahEnvironment() });
    console.log(`${repository}@${readFileSync(digestFile, "utf8").trim()}`);
  });
}

async function remove(reference: string): Promise<void> {
  const ctr = (...args: string[]) =>
    runInSandbox(debianProgram("usr/bin/ctr"), [
      `--address=${containerdSocket}`,
      "--namespace=k8s.io",
      ...args,
    ]);
  // The kubelet's images have a second name, their id.
  const digest = reference.slice(reference.indexOf("@") + 1);
  const names = await ctr("images", "list", "--quiet", `target.digest==${digest}`);
  await ctr("images", "remove", ...names.split("\n").filter(Boolean));
}

const [command, ...args] = process.argv.slice(2);
if (command === "push") await push(...(args as [string, string, string]));
else if (command === "remove") await remove(args[0] as string);
else throw new Error("usage: push FOLDER REPOSITORY TAG, or remove REFERENCE");
