/**
 * Config key of the context that the stack is reached by. Providers look it up themselves, because a refresh comes before the
 * program, when state has the name of the last `up` alone.
 */
export const contextKey = "modelcar:kubeContext";
