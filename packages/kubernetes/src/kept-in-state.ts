/**
 * An error of `create` or `update` that leaves the resource in state with these properties, so that the next `up` updates
 * it and `destroy` removes what is there. `properties` must be whole, `__provider` with them: the SDK adds nothing.
 */
export function keptInState(id: string, properties: object, message: string): Error {
  return Object.assign(new Error(message), { id, properties, reasons: [message] });
}
