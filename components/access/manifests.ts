/** Service accounts and roles, derived from each task's job.yaml. */

import { type PolicyRule, sharedAccounts, taskAccount, taskJob } from "../../pipelines/jobs.ts";
import type { ServedModel } from "../../plan/network.ts";

/** Secrets that are listed in service accounts. */
export interface AccountSecrets {
  /** KServe reads the object store's login from these. */
  readonly serving: readonly string[];
  /** Of type dockerconfigjson; Tekton configures the registry login of tasks that push images from it. Default: none. */
  readonly imageRegistry?: string | undefined;
}

export interface AccessSpec {
  readonly namespace: string;
  /** Names of the Tekton tasks. */
  readonly tasks: readonly string[];
  readonly models: readonly ServedModel[];
  readonly secrets: AccountSecrets;
  /** The model registry requires a service account token. */
  readonly registryToken: boolean;
}

/** A service account. Its token is mounted into pods only with `token`. */
export function serviceAccount(
  namespace: string,
  name: string,
  { secrets = [], token = false }: { secrets?: readonly string[]; token?: boolean } = {},
) {
  return {
    metadata: { name, namespace },
    automountServiceAccountToken: token,
    ...(secrets.length > 0 ? { secrets: secrets.map((secret) => ({ name: secret })) } : {}),
  };
}

/** The account of each task. The token is mounted only where a destination or a rule needs it. */
export function taskAccounts(spec: AccessSpec) {
  const { namespace, tasks, models, secrets, registryToken } = spec;
  const modelsAskForToken = models.some(({ tokenAuth }) => tokenAuth);
  return tasks.map((task) => {
    const { reaches, rules = [] } = taskJob(task);
    const token =
      rules.length > 0 ||
      reaches.includes("kubernetesApi") ||
      (registryToken && reaches.includes("modelRegistry")) ||
      (modelsAskForToken && reaches.includes("models"));
    const login = reaches.includes("imageRegistry") && secrets.imageRegistry ? [secrets.imageRegistry] : [];
    return serviceAccount(namespace, taskAccount(task), { secrets: login, token });
  });
}

/** The accounts of tasks without their own, and of models. Neither mounts a token. */
export function commonAccounts({ namespace, secrets }: AccessSpec) {
  return {
    pipeline: serviceAccount(namespace, sharedAccounts.pipeline),
    serving: serviceAccount(namespace, sharedAccounts.serving, { secrets: secrets.serving }),
  };
}

/** A Role and the accounts that it is bound to. */
export interface Grant {
  readonly name: string;
  readonly rules: PolicyRule[];
  readonly accounts: readonly string[];
}

/** The Roles of tasks on the Kubernetes API, and the right to call models that require a token. */
export function grants({ tasks, models }: AccessSpec): Grant[] {
  const own = tasks.flatMap((task) => {
    const { rules } = taskJob(task);
    return rules ? [{ name: taskAccount(task), rules, accounts: [taskAccount(task)] }] : [];
  });
  const resourceNames = models.filter(({ tokenAuth }) => tokenAuth).map(({ name }) => name);
  const accounts = tasks.filter((task) => taskJob(task).reaches.includes("models")).map(taskAccount);
  if (resourceNames.length === 0 || accounts.length === 0) return own;
  // The proxy in front of a model checks exactly this permission of the caller.
  const call = {
    apiGroups: ["serving.kserve.io"],
    resources: ["inferenceservices"],
    resourceNames,
    verbs: ["get"],
  };
  return [...own, { name: "modelcar-model-caller", rules: [call], accounts }];
}

export function role(namespace: string, { name, rules }: Grant) {
  return { metadata: { name, namespace }, rules };
}

/** Binds a Role in `namespace` to accounts in `accountNamespace` (default: the same). */
export function roleBinding(
  namespace: string,
  { name, accounts }: Pick<Grant, "name" | "accounts">,
  { role = name, accountNamespace = namespace }: { role?: string; accountNamespace?: string } = {},
) {
  return {
    metadata: { name, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
    subjects: accounts.map((account) => ({
      kind: "ServiceAccount",
      name: account,
      namespace: accountNamespace,
    })),
  };
}
