/** Init container of a Deployment that fetches its model, and the variable that names the model. */
export const fetcher = { container: "fetch-model", variable: "MODEL_IMAGE" };
