import { isObject, type Properties, plain, plainObject, secret, withSecretsOf } from "../properties.ts";
import { apiVersion, type Kind } from "./kinds.ts";

/** The object as last read, out of a resource's state. */
export function liveOf(state: Properties): Properties {
  const {
    __inputs: _inputs,
    __initialApiVersion: _version,
    __fieldManager: _manager,
    ...live
  } = plainObject(state);
  return live;
}

/** What the program declared when the state was written. */
export function oldInputsOf(state: Properties): Properties {
  const inputs = plain(state.__inputs);
  return isObject(inputs) ? inputs : {};
}

/** A resource's state: the live object, and beside it what later calls need. `inputs` has secret marks. */
export function stateOf(kind: Kind, live: Properties, inputs: Properties, fieldManager: string): Properties {
  const object = withSecretsOf(live, inputs) as Properties;
  if (kind.kind === "Secret" && object.data !== undefined) object.data = secret(live.data);
  return {
    ...object,
    __inputs: inputs,
    __initialApiVersion: apiVersion(kind),
    __fieldManager: fieldManager,
  };
}
