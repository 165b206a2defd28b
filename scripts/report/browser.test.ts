import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openInBrowser } from "./browser.ts";

/** A desktop whose program for opening files has that name. */
function desktop(name: string, script: string) {
  const directory = mkdtempSync(join(tmpdir(), "modelcar-desktop-"));
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
  return { directory, environment: { PATH: `${directory}:${process.env.PATH}`, DISPLAY: ":0", directory } };
}

test.each([
  ["linux", "xdg-open"],
  ["darwin", "open"],
] as const)("on %s, %s opens the file", async (platform, name) => {
  const { directory, environment } = desktop(name, 'printf %s "$1" > "$directory/opened"');
  expect(await openInBrowser("/a page.html", platform, environment)).toBe("is open in the browser");
  expect(readFileSync(join(directory, "opened"), "utf8")).toBe("/a page.html");
});

test("a browser that keeps running has not failed", async () => {
  const { environment } = desktop("xdg-open", "exec sleep 5");
  expect(await openInBrowser("/page.html", "linux", environment)).toBe("is open in the browser");
});

test("failures are sentences", async () => {
  const { environment } = desktop("xdg-open", "exit 3");
  expect(await openInBrowser("/page.html", "linux", environment)).toBe(
    "could not be opened (xdg-open ended with 3): open the file yourself",
  );
  expect(await openInBrowser("/page.html", "linux", { PATH: "/nowhere", WAYLAND_DISPLAY: "w" })).toBe(
    "could not be opened (there is no xdg-open here): open the file yourself",
  );
  expect(await openInBrowser("/page.html", "linux", {})).toBe("is not opened: there is no display here");
});
