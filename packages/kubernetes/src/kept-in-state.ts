/**
 * An error of `create` or `update` that keeps the resource in state with these properties, so that the next `up` updates it
 * and `destroy` deletes it. `properties` must be complete, including `__provider`: the SDK adds nothing.
 */
export function keptInState(id: string, properties: object, message: string): Error {
  return Object.assign(new Error(message), { id, properties, reasons: [message] });
}
