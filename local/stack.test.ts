import { describe, expect, it } from "vitest";
import { mergeStackFile } from "./stack.ts";

describe("mergeStackFile", () => {
  const images = { tasks: "a@sha256:1" };

  it("prefers the committed values to those of the machine", () => {
    const merged = mergeStackFile(
      { config: { "modelcar:namespace": "new" } },
      { encryptionsalt: "v1:x", config: { "modelcar:namespace": "old", "modelcar:gone": 1 } },
      images,
    );
    expect(merged).toEqual({
      encryptionsalt: "v1:x",
      config: { "modelcar:namespace": "new", "modelcar:images": images },
    });
  });

  it("keeps secrets that were set on this machine", () => {
    const secret = { secure: "v1:…" };
    const merged = mergeStackFile({ config: {} }, { config: { "modelcar:hfToken": secret } }, images);
    expect(merged.config).toEqual({ "modelcar:hfToken": secret, "modelcar:images": images });
  });
});
