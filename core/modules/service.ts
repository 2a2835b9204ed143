/** A typed name for what one module lets others use. Declared in the providing module's `contract.ts`. */
export interface ServiceKey<T> {
  readonly name: string;
  /** Carries the type alone. */
  readonly __service?: T;
}

export function service<T>(name: string): ServiceKey<T> {
  return { name };
}

/** Where modules leave and find services. The loader has checked `provides` and `requires` before anything starts. */
export interface Services {
  /** Throws `service-not-provided`. */
  get<T>(key: ServiceKey<T>): T;
  find<T>(key: ServiceKey<T>): T | undefined;
  /** Withdrawn when the providing module's scope closes. */
  provide<T>(key: ServiceKey<T>, implementation: T): void;
}
