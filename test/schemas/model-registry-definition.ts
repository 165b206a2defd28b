/**
 * A stand-in for the CustomResourceDefinition of OpenShift AI's model registry operator, whose module no package registry
 * has. It knows the fields of `modelregistry.opendatahub.io/v1beta1` that this program may use, by the operator's names and
 * rules, and refuses all others.
 */
import type { Manifest } from "../../local/platform/manifests.ts";

const text = { type: "string" };
const object = (properties: object, required: readonly string[] = []) => ({
  type: "object",
  properties,
  required: [...required],
});
const port = { type: "integer", format: "int32", minimum: 1, maximum: 65535 };
const keyOf = object({ name: text, key: text }, ["name", "key"]);
const quantities = {
  type: "object",
  additionalProperties: {
    anyOf: [{ type: "integer" }, { type: "string" }],
    "x-kubernetes-int-or-string": true,
  },
};
const server = {
  port,
  image: text,
  resources: object({ requests: quantities, limits: quantities }),
};
const database = { host: text, port, database: text, username: text, passwordSecret: keyOf };
const routed = { type: "string", enum: ["disabled", "enabled"] };

export const modelRegistryDefinition: Manifest = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "modelregistries.modelregistry.opendatahub.io" },
  spec: {
    group: "modelregistry.opendatahub.io",
    scope: "Namespaced",
    names: {
      kind: "ModelRegistry",
      listKind: "ModelRegistryList",
      plural: "modelregistries",
      singular: "modelregistry",
    },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: object({
            apiVersion: text,
            kind: text,
            metadata: { type: "object" },
            spec: object(
              {
                rest: object({ ...server, serviceRoute: routed }),
                grpc: object(server),
                mysql: object({ ...database, skipDBCreation: { type: "boolean" } }, [
                  "host",
                  "database",
                  "username",
                ]),
                postgres: object(
                  {
                    ...database,
                    generateDeployment: { type: "boolean" },
                    skipDBCreation: { type: "boolean" },
                    sslMode: text,
                  },
                  ["database"],
                ),
                kubeRBACProxy: object({ port, routePort: port, serviceRoute: routed, domain: text }),
              },
              ["rest"],
            ),
            status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          }),
        },
      },
    ],
  },
};
