import { describe, expect, it } from "vitest";
import { parseServicePath } from "./service-path.ts";

describe("parseServicePath", () => {
  it("reads namespace, service, port, path and query", () => {
    expect(parseServicePath("/demo/sums-predictor/v1/models?x=1")).toEqual({
      namespace: "demo",
      service: "sums-predictor",
      port: 80,
      path: "/v1/models?x=1",
    });
    expect(parseServicePath("/kubeflow/registry:8080/api")).toMatchObject({ port: 8080, path: "/api" });
    expect(parseServicePath("/demo/sums")).toMatchObject({ path: "/" });
    expect(parseServicePath("/demo/sums?x")).toMatchObject({ path: "/?x" });
  });

  it.each([
    "/",
    "/demo",
    "//x",
    "/Demo/sums",
    "/demo/-sums/",
    "/demo/sums:0/",
    "/demo/sums:70000/",
    "/demo/a.b.c/",
  ])("refuses %s", (url) => {
    expect(parseServicePath(url)).toBeUndefined();
  });
});
