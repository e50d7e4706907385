import { DataFactory, Parser, type Quad_Object, Store, Writer } from 'n3';
import { pathsOf, type Taxonomy } from './taxonomy.ts';
import { writePath } from './written-path.ts';

const { namedNode, literal, quad } = DataFactory;
const skos = 'http://www.w3.org/2004/02/skos/core#';
const rdfType = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#type';
const term = (name: string) => namedNode(`${skos}${name}`);
const uriOf = (id: string) => namedNode(`urn:uuid:${id}`);

/**
 * SKOS (W3C Recommendation of 2009) in Turtle: a concept a node, `broader` for every parent. `notation` is the path, which tells
 * the parent that it goes through from the others.
 */
export function writeSkos(taxonomy: Taxonomy): string {
  const paths = pathsOf(taxonomy);
  const writer = new Writer({ prefixes: { skos } });
  const scheme = namedNode('urn:dt-rag:taxonomy');
  writer.addQuad(quad(scheme, namedNode(rdfType), term('ConceptScheme')));
  const inOrder = [...taxonomy.nodes.values()]
    .map((node) => ({ ...node, order: JSON.stringify(paths.get(node.id)) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  for (const { id, label, description, parentId, otherParents } of inOrder) {
    const add = (name: string, object: Quad_Object) => writer.addQuad(quad(uriOf(id), term(name), object));
    writer.addQuad(quad(uriOf(id), namedNode(rdfType), term('Concept')));
    add('inScheme', scheme);
    add('prefLabel', literal(label));
    add('notation', literal(writePath(paths.get(id) ?? [])));
    if (description !== '') add('definition', literal(description));
    if (parentId === null) add('topConceptOf', scheme);
    for (const parent of [parentId, ...otherParents]) if (parent !== null) add('broader', uriOf(parent));
  }
  let text = '';
  writer.end((error: Error | null, result: string) => {
    if (error) throw error;
    text = result;
  });
  return text;
}

interface Concept {
  uri: string;
  label: string;
  description?: string | undefined;
  notation?: string | undefined;
  /** Whether it is a top concept of a scheme; one of ours may have broader ones as further parents. */
  top: boolean;
  broader: string[];
}

/**
 * Nodes of a SKOS file in Turtle, as `GivenNode` with `other_parents`. Of several `broader` the path goes through the one that
 * `notation` names (none, where that is the label of a top concept), else the first by URI; ids are taken from `urn:uuid:`.
 * `narrower` counts like `broader` the other way round.
 *
 * @throws Error for what is no Turtle, or leads in a circle
 */
export function readSkos(content: string): unknown {
  const store = new Store(new Parser().parse(content));
  const concepts = new Map(readConcepts(store).map((concept) => [concept.uri, concept]));
  const paths = new Map<string, string[]>();
  for (const uri of concepts.keys()) findPath(uri, concepts, paths, new Set());
  return [...concepts.values()].map((concept) => {
    const path = paths.get(concept.uri) as string[];
    const [, id] = /^urn:uuid:([0-9a-f-]{36})$/i.exec(concept.uri) ?? [];
    const through = JSON.stringify(path.slice(0, -1));
    const others = concept.broader.map((uri) => paths.get(uri) as string[]);
    return {
      ...{ path, id: id?.toLowerCase(), description: concept.description },
      other_parents: others.filter((other) => JSON.stringify(other) !== through),
    };
  });
}

function readConcepts(store: Store): Concept[] {
  const uris = store.getSubjects(rdfType, `${skos}Concept`, null).map(({ value }) => value);
  const known = new Set(uris);
  const valuesOf = (uri: string, name: string) =>
    store.getObjects(uri, `${skos}${name}`, null).map(({ value }) => value);
  return uris.sort().map((uri) => {
    const [label] = valuesOf(uri, 'prefLabel').sort();
    if (label === undefined) throw new Error(`${uri} has no skos:prefLabel`);
    const narrower = store.getSubjects(`${skos}narrower`, uri, null).map(({ value }) => value);
    return {
      ...{ uri, label, description: valuesOf(uri, 'definition')[0], notation: valuesOf(uri, 'notation')[0] },
      top: valuesOf(uri, 'topConceptOf').length > 0,
      broader: [...new Set([...valuesOf(uri, 'broader'), ...narrower])]
        .filter((each) => known.has(each))
        .sort(),
    };
  });
}

function findPath(
  uri: string,
  concepts: ReadonlyMap<string, Concept>,
  paths: Map<string, string[]>,
  below: Set<string>,
): string[] {
  const found = paths.get(uri);
  if (found) return found;
  if (below.has(uri)) throw new Error(`${uri} is broader than itself`);
  const { label, broader, notation, top } = concepts.get(uri) as Concept;
  const above = broader.map((each) => findPath(each, concepts, paths, new Set([...below, uri])));
  const isRoot = top && notation === writePath([label]);
  const through = above.find((path) => writePath([...path, label]) === notation) ?? above[0];
  const parent = isRoot ? [] : (through ?? []);
  const path = [...parent, label];
  paths.set(uri, path);
  return path;
}
