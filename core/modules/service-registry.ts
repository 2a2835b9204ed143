import { SwitchyardError } from '../errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { ServiceKey, Services } from './service.ts';

/** The services of one server. Each module gets a view of its own, so that what it leaves goes when it goes. */
export class ServiceRegistry {
  readonly #services = new Map<string, unknown>();

  /** What a module sees; what it provides is withdrawn when `scope` closes. */
  viewFor(scope: Scope): Services {
    return {
      get: (key) => this.get(key),
      find: (key) => this.find(key),
      provide: (key, implementation) => this.#provide(key, implementation, scope),
    };
  }

  find<T>(key: ServiceKey<T>): T | undefined {
    return this.#services.get(key.name) as T | undefined;
  }

  /** Throws `service-not-provided`. */
  get<T>(key: ServiceKey<T>): T {
    const found = this.find(key);
    if (found === undefined) throw new SwitchyardError('service-not-provided', { service: key.name });
    return found;
  }

  #provide<T>(key: ServiceKey<T>, implementation: T, scope: Scope): void {
    if (this.#services.has(key.name)) throw new TypeError(`the service "${key.name}" is provided twice`);
    this.#services.set(key.name, implementation);
    scope.defer(() => {
      this.#services.delete(key.name);
    });
  }
}
