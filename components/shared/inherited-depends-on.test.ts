/** All children of a component depend on what the component depends on. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, expect, test } from "vitest";
import { type Registration, recordRegistrations } from "../../test/program/registrations.ts";

let made: Registration[];
beforeEach(async () => {
  made = [];
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }) => ({ id: name, state: { ...inputs, result: "generated" } }),
    call: ({ inputs }) => inputs,
  });
  recordRegistrations((registration) => made.push(registration));
});

const { inheritedDependsOn } = await import("./inherited-depends-on.ts");
const { ObjectStore } = await import("../object-store/object-store.ts");
const { Project } = await import("../project/project.ts");

class Leaf extends pulumi.CustomResource {
  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super("test:index:Leaf", name, {}, opts);
  }
}

class Inner extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Inner", name, {}, inheritedDependsOn(opts));
    new Leaf(`${name}-leaf`, { parent: this });
    this.registerOutputs({});
  }
}

class Outer extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Outer", name, {}, inheritedDependsOn(opts));
    const first = new Leaf("first", { parent: this });
    const second = new Leaf("second", { parent: this, dependsOn: first });
    new Leaf("below", { parent: second });
    new Inner("inner", { parent: this, dependsOn: second });
    this.registerOutputs({});
  }
}

/** Names of each resource's dependencies, by the resource's name. */
async function waits(): Promise<Record<string, string[]>> {
  await pulumi.runtime.disconnect();
  const nameOf = (urn: string) => urn.split("::")[3] as string;
  return Object.fromEntries(
    made.map(({ urn, dependencies }) => [nameOf(urn), dependencies.map(nameOf).sort()]),
  );
}

test.each<[string, (marker: Leaf) => pulumi.ComponentResourceOptions["dependsOn"] & {}]>([
  ["a resource", (marker) => marker],
  ["several", (marker) => [marker]],
  ["a promise", (marker) => Promise.resolve(marker)],
  ["an output of several", (marker) => pulumi.output([marker])],
])("%s: children and their children, besides their own dependencies", async (_, dependsOn) => {
  const marker = new Leaf("marker");
  new Outer("outer", { dependsOn: dependsOn(marker) });
  expect(await waits()).toEqual({
    marker: [],
    outer: ["marker"],
    first: ["marker"],
    second: ["first", "marker"],
    below: ["marker"],
    inner: ["marker", "second"],
    "inner-leaf": ["marker", "second"],
  });
});

test("without dependencies, children only have their own", async () => {
  new Outer("outer");
  expect(await waits()).toMatchObject({ first: [], second: ["first"], "inner-leaf": ["second"] });
});

test("components that the program declares without dependencies accept them, too", async () => {
  const marker = new Leaf("marker");
  const quota = { pods: "1" };
  new Project(
    "project",
    { namespace: "ai", existing: false, podSecurity: "restricted", retain: false, quota },
    { dependsOn: marker },
  );
  const images = { minio: "minio@1", tasks: "tasks@1" };
  const bucket = { namespace: "s3", bucket: "models", region: "r", storage: "1Gi", console: true };
  new ObjectStore(
    "store",
    { ...bucket, platform: "openshift", retain: false, images, clients: ["ai"] },
    { dependsOn: marker },
  );
  await pulumi.runtime.disconnect();
  const [first, ...others] = made;
  expect(others.length).toBeGreaterThan(20);
  for (const { urn, dependencies } of others) expect(dependencies, urn).toContain(first?.urn);
});
