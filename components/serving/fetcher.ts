/** Init container that fetches a Deployment's model, and the environment variable that names the model. */
export const fetcher = { container: "fetch-model", variable: "MODEL_IMAGE" };
