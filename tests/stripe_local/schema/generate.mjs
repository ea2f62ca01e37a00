// Turns the TypeScript declarations of Stripe's own client into JSON Schema, for the objects that
// the local Stripe serves. What these declarations tell, and no other source does: which fields
// may be left out (`?`), and which are there and may be null.
//
// Usage: node generate.mjs OUTPUT, with the packages of package.json installed beside it.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SERVED = [
  "billing_portal.configuration",
  "billing_portal.session",
  "charge",
  "checkout.session",
  "coupon",
  "customer",
  "discount",
  "dispute",
  "event",
  "invoice",
  "invoice_payment",
  "invoiceitem",
  "item",
  "line_item",
  "payment_intent",
  "payment_method",
  "price",
  "product",
  "promotion_code",
  "refund",
  "setup_intent",
  "subscription",
  "subscription_item",
  "subscription_schedule",
  "test_helpers.test_clock",
  "webhook_endpoint",
];
const DECIMAL = { type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?$" };
const Flags = ts.TypeFlags;

const root = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "stripe");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const home = join(root, "esm", "resources");
const program = ts.createProgram([join(root, "esm", "stripe.esm.node.d.ts")], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  skipLibCheck: true,
  strict: true,
  types: [],
});
const checker = program.getTypeChecker();
const definitions = new Map();
const objects = new Map();
const deleted = new Map();

function literalOf(symbol, name) {
  const property = symbol.members?.get(name);
  const type = property && checker.getTypeOfSymbol(property);
  if (type?.isStringLiteral()) return type.value;
  return type && type.flags & Flags.BooleanLiteral ? checker.typeToString(type) : undefined;
}

/** Find every interface that is an object of Stripe's, and every one that is what is left of it. */
function collect() {
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.startsWith(home) || relative(home, file.fileName).startsWith("V2")) continue;
    ts.forEachChild(file, (node) => {
      if (!ts.isInterfaceDeclaration(node)) return;
      const symbol = checker.getSymbolAtLocation(node.name);
      const name = literalOf(symbol, "object");
      if (name === undefined) return;
      (literalOf(symbol, "deleted") === "true" ? deleted : objects).set(name, symbol);
    });
  }
}

function nameOf(symbol) {
  const file = symbol.declarations[0].getSourceFile().fileName;
  const plain = checker.getFullyQualifiedName(symbol).replace(/^".*"\./, "");
  return `${relative(home, file).replace(/\.d\.ts$/, "").replaceAll("\\", "/")}:${plain}`;
}

const isServed = (symbol) => SERVED.includes(literalOf(symbol, "object"));

/** Return the schema of a type; interfaces are referred to, and defined once. */
function schemaOf(type) {
  if (type.flags & (Flags.Any | Flags.Unknown)) return {};
  if (type.flags & Flags.Boolean) return { type: "boolean" };
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
  if (type.flags & Flags.BooleanLiteral) return { const: checker.typeToString(type) === "true" };
  if (type.flags & Flags.String) return { type: "string" };
  if (type.flags & Flags.Number) return { type: "number" };
  if (type.flags & Flags.Null) return { type: "null" };
  if (type.isUnion()) return unionOf(type.types);
  if (isDecimal(type)) return DECIMAL;
  const symbol = type.aliasSymbol ?? type.symbol;
  if (checker.isArrayType(type)) {
    return { type: "array", items: schemaOf(checker.getTypeArguments(type)[0]) };
  }
  if (symbol?.name === "ApiList") return listOf(checker.getTypeArguments(type)[0]);
  const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
  if (index) return { type: "object", additionalProperties: schemaOf(index.type) };
  if (type.isClassOrInterface()) return referenceTo(symbol, type);
  throw new Error(`no schema for ${checker.typeToString(type)}`);
}

const isDecimal = (type) => (type.aliasSymbol ?? type.symbol)?.name === "Decimal";
const isOpenEnd = (type) => type.isIntersection() && !isDecimal(type);

/**
 * Return the schema of a union, without `undefined`, which is what the `?` of a field says, and
 * without the open end of an enum: that is for versions to come.
 */
function unionOf(types) {
  const known = types.filter((each) => !isOpenEnd(each) && !(each.flags & Flags.Undefined));
  const literals = known.filter((each) => each.isStringLiteral()).map((each) => each.value);
  const truths = known.filter((each) => each.flags & Flags.BooleanLiteral);
  const others = known.filter(
    (each) => !each.isStringLiteral() && !(truths.length === 2 && truths.includes(each)),
  );
  const schemas = others.map(schemaOf);
  if (truths.length === 2) schemas.push({ type: "boolean" });
  if (literals.length) schemas.push({ enum: literals.sort() });
  const distinct = [...new Map(schemas.map((each) => [JSON.stringify(each), each])).values()];
  return distinct.length === 1 ? distinct[0] : { anyOf: distinct };
}

function listOf(row) {
  return {
    type: "object",
    properties: {
      object: { const: "list" },
      data: { type: "array", items: schemaOf(row) },
      has_more: { type: "boolean" },
      url: { type: "string" },
    },
    required: ["data", "has_more", "object", "url"],
    additionalProperties: false,
  };
}

function referenceTo(symbol, type) {
  const isForeign = literalOf(symbol, "object") !== undefined && !isServed(symbol);
  if (isForeign) return { type: "object" }; // the local Stripe has none of these
  const name = nameOf(symbol);
  if (!definitions.has(name)) {
    definitions.set(name, null); // for types that contain themselves
    definitions.set(name, definitionOf(type));
  }
  return { $ref: `#/$defs/${name.replaceAll("/", "~1")}` };
}

function isNothing(type) {
  const parts = type.isUnion() ? type.types : [type];
  return parts.every((each) => each.flags & (Flags.Void | Flags.Undefined));
}

function definitionOf(type) {
  const properties = {};
  const required = [];
  for (const property of checker.getPropertiesOfType(type)) {
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    const declared = checker.getTypeOfSymbol(property);
    if (isNothing(declared)) continue; // `deleted?: void` says that it is never there
    properties[property.name] = schemaOf(declared);
    if (!isOptional) required.push(property.name);
  }
  const sorted = Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
  const isEmpty = required.length + Object.keys(sorted).length === 0;
  if (isEmpty) return { type: "object" };
  return { type: "object", properties: sorted, required: required.sort(), additionalProperties: false };
}

collect();
const roots = {};
for (const name of SERVED) {
  const symbol = name === "event" ? eventBase() : objects.get(name);
  if (symbol === undefined) throw new Error(`Stripe has no object ${name}`);
  roots[name] = referenceTo(symbol, checker.getDeclaredTypeOfSymbol(symbol));
  const stub = deleted.get(name);
  if (stub) roots[`deleted ${name}`] = referenceTo(stub, checker.getDeclaredTypeOfSymbol(stub));
}

/** Return what all events have in common: their own interfaces say the same, 250 times over. */
function eventBase() {
  const file = program.getSourceFile(join(home, "Events.d.ts"));
  const base = file.statements.find((each) => each.name?.text === "EventBase");
  return checker.getSymbolAtLocation(base.name);
}

// one definition a line: a new version of Stripe is a diff that can be read
const lines = [...definitions].sort(([a], [b]) => (a < b ? -1 : 1));
const body = lines.map(([name, each]) => `${JSON.stringify(name)}: ${JSON.stringify(each)}`);
const head = [
  `"$comment": ${JSON.stringify(`Generated from the npm package stripe@${version} by generate.mjs; do not edit.`)}`,
  `"$schema": "https://json-schema.org/draft/2020-12/schema"`,
  `"roots": ${JSON.stringify(roots)}`,
];
writeFileSync(process.argv[2], `{\n${head.join(",\n")},\n"$defs": {\n${body.join(",\n")}\n}\n}\n`);
