/** Reads the comments above the keys of the config's schema, which TypeScript keeps in the types of its values. */
import { join } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..", "..");

/** The comments on one value of the config and on the values inside it. */
export interface Documented {
  /** A key of an object; its comment is empty if it has none. */
  property(key: string): { readonly comment: string; readonly value: Documented };
  /** The entries of a list, the values of a record. */
  items(): Documented;
  /** The shapes in which the key has this string, or that have the key (true), or that lack it (false). */
  where(key: string, value: string | boolean): Documented;
}

/** The comments of the whole schema. Takes seconds: TypeScript reads the types of zod. */
export function schemaComments(): Documented {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const file = join(root, "config/schema.ts");
  const program = ts.createProgram([file], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  const schema = module?.exports?.get(ts.escapeLeadingUnderscores("schema"));
  if (!schema) throw new Error(`${file} exports no schema`);
  const at = (type: ts.Type, ...path: string[]) =>
    path.reduce((from, key) => {
      const property = checker.getPropertyOfType(from, key);
      if (!property) throw new Error(`the type of the schema in ${file} has no ${path.join(".")}`);
      return checker.getTypeOfSymbol(property);
    }, type);
  const type = checker.getTypeOfSymbol(schema);
  // Transformations lose the comments of the keys that they set in the output type, unions lose them in the input type.
  return documented(checker, [at(type, "_zod", "input"), at(type, "in", "_zod", "output")]);
}

function documented(checker: ts.TypeChecker, types: readonly ts.Type[]): Documented {
  const shapes = types
    .map((type) => checker.getNonNullableType(type))
    .flatMap((type) => (type.isUnion() ? type.types : [type]));
  return {
    property: (key) => {
      const properties = shapes.flatMap((shape) => checker.getPropertyOfType(shape, key) ?? []);
      const comments = properties.map((property) =>
        ts.displayPartsToString(property.getDocumentationComment(checker)).replaceAll(/\s+/g, " "),
      );
      return {
        comment: comments.find((comment) => comment !== "") ?? "",
        value: documented(
          checker,
          properties.map((property) => checker.getTypeOfSymbol(property)),
        ),
      };
    },
    items: () =>
      documented(
        checker,
        shapes.flatMap((shape) => checker.getIndexInfosOfType(shape).map(({ type }) => type)),
      ),
    where: (key, value) =>
      documented(
        checker,
        shapes.filter((shape) => {
          const property = checker.getPropertyOfType(shape, key);
          if (typeof value === "boolean") return (property !== undefined) === value;
          const type = property && checker.getTypeOfSymbol(property);
          return type?.isStringLiteral() === true && type.value === value;
        }),
      ),
  };
}
