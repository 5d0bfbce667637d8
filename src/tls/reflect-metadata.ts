/**
 * The three functions of the Reflect metadata proposal that @peculiar/x509 (through tsyringe) wants to find before it
 * is imported. It keeps a handful of class annotations; inheritance follows the prototype chain.
 * Source: https://rbuckton.github.io/reflect-metadata/ sections "getMetadata", "getOwnMetadata", "defineMetadata".
 */

type Annotations = Map<unknown, unknown>;

/** Adds what is missing to the global Reflect. Does nothing where a full implementation is present. */
export function provideReflectMetadata(): void {
  if ("getMetadata" in Reflect) return;
  const store = new WeakMap<object, Annotations>();
  const getOwnMetadata = (key: unknown, target: object) => store.get(target)?.get(key);
  const getMetadata = (key: unknown, target: object): unknown => {
    for (let holder: object | null = target; holder !== null; holder = Object.getPrototypeOf(holder)) {
      if (store.get(holder)?.has(key)) return getOwnMetadata(key, holder);
    }
    return undefined;
  };
  const defineMetadata = (key: unknown, value: unknown, target: object) => {
    const annotations = store.get(target) ?? new Map();
    store.set(target, annotations.set(key, value));
  };
  Object.assign(Reflect, { getMetadata, getOwnMetadata, defineMetadata });
}
