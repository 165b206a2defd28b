/**
 * Config key of the stack's kubeconfig context. Providers look it up themselves, because a refresh runs before the program,
 * when only the context of the last `up` is in state.
 */
export const contextKey = "modelcar:kubeContext";
