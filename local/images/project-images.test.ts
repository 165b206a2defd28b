import { expect, test } from "vitest";
import { modelTaskImages } from "./images.ts";
import { readContainerfile } from "./project-images.ts";

test("a Containerfile names its base and the folders that go into it", () => {
  const text = [
    "ARG TASKS_IMAGE=modelcar.local/tasks",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Containerfiles write arguments so.
    "FROM ${TASKS_IMAGE}",
    "COPY images/new/requirements.txt /opt/new.txt",
    "COPY tasks/common/*.py tasks/new/*.py /opt/tasks/",
    "COPY tasks/new/data /opt/tasks/data",
    "COPY --from=other /a /b",
  ].join("\n");
  expect(readContainerfile(text)).toEqual({
    argument: "TASKS_IMAGE",
    base: "tasks",
    sources: ["tasks/common", "tasks/new"],
  });
  expect(() => readContainerfile("FROM scratch\n")).toThrow("names the base image");
});

test("every image comes after its base", () => {
  const names = modelTaskImages.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["compress", "evaluate", "guidellm", "report"]));
  for (const { name, bases } of modelTaskImages)
    for (const base of bases.filter((image) => names.includes(image.name)))
      expect(names.indexOf(base.name)).toBeLessThan(names.indexOf(name));
});
