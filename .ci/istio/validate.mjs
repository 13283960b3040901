// Holds every Istio document of some manifests against the schemas of Istio's CRDs. A cluster
// prunes a field that they do not have in silence; here it is an error.
//
// usage: node validate.mjs FILE…

import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

/// `value`, and its fields as far as nobody has read them: the schemas come as compiled code, which
/// reads the fields that it knows.
function watched(value, path = "") {
  const [read, below] = [new Set(), new Map()];
  const get = (_, name) => {
    const found = value[name];
    if (!Object.hasOwn(value, name)) return found;
    read.add(name);
    if (found === null || typeof found !== "object") return found;
    if (!below.has(name)) below.set(name, watched(found, `${path}/${name}`));
    return below.get(name).proxy;
  };
  const unread = () => [
    ...Object.keys(value).filter((name) => !read.has(name)).map((name) => `${path}/${name}`),
    ...[...below.values()].flatMap((child) => child.unread()),
  ];
  return { proxy: new Proxy(value, { get }), unread };
}

async function mistakes({ apiVersion, kind, ...rest }) {
  const schema = `@kubernetes-models/istio/${apiVersion}/${kind}`;
  const Kind = await import(schema).then((found) => found[kind], () => null);
  if (!Kind) return [`no schema for ${kind} of ${apiVersion}`];
  const { proxy, unread } = watched(new Kind(rest));
  try {
    proxy.validate();
  } catch (error) {
    if (!error.errors) throw error;
    return error.errors.map((found) => `${found.instancePath}: ${found.message}`);
  }
  return unread().map((path) => `${path}: unknown field`);
}

let [seen, wrong] = [0, 0];
for (const file of process.argv.slice(2)) {
  for (const [number, document] of parseAllDocuments(readFileSync(file, "utf8")).entries()) {
    const object = document.toJS() ?? {};
    if (!/^[a-z.]+\.istio\.io\//.test(object.apiVersion)) continue;
    seen += 1;
    for (const mistake of await mistakes(object)) {
      wrong += 1;
      const place = `document ${number + 1} (${object.kind}/${object.metadata?.name})`;
      console.error(`ERROR ${file}: ${place}: ${mistake}`);
    }
  }
}
console.log(`${seen} Istio documents, ${wrong} mistakes`);
process.exit(wrong === 0 ? 0 : 1);
