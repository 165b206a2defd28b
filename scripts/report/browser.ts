/** Opens a file as the desktop does. */
import { spawn } from "node:child_process";

/** xdg-open keeps running with a browser that it starts itself: after this time it counts as opened. */
const patienceMs = 3000;

/** Opens the file if there is a desktop. Returns the outcome, worded to follow "the page". */
export async function openInBrowser(
  file: string,
  platform: NodeJS.Platform = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  if (platform !== "darwin" && !environment.DISPLAY && !environment.WAYLAND_DISPLAY) {
    return "is not opened: there is no display here";
  }
  const command = platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(command, [file], { stdio: "ignore", detached: true, env: environment });
  const failure = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), patienceMs);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve(error.code === "ENOENT" ? `there is no ${command} here` : error.message);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? undefined : `${command} ended with ${code ?? signal}`);
    });
  });
  child.unref();
  return failure ? `could not be opened (${failure}): open the file yourself` : "is open in the browser";
}
