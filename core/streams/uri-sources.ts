import type { Scope } from '../lifecycle/scope.ts';
import type { StreamSource } from './requests.ts';

/** Names whose source is remembered, so that asking again does not undo its pauses; what is beyond is forgotten, oldest first. */
const mostUris = 256;

/** Streams whose names are URIs: each has a source of its own, made when it is first wanted. */
export class UriSources implements StreamSource {
  readonly name: string;
  readonly claims: (streamName: string) => boolean;
  readonly #make: (uri: string) => StreamSource;
  readonly #sources = new Map<string, StreamSource>();

  /** `claims`: whether the name is a URI that may be fetched. */
  constructor(
    settings: { readonly name: string },
    dependencies: {
      readonly claims: (streamName: string) => boolean;
      readonly make: (uri: string) => StreamSource;
    },
  ) {
    this.name = settings.name;
    this.claims = dependencies.claims;
    this.#make = dependencies.make;
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const source = this.#sources.get(streamName) ?? this.#make(streamName);
    this.#sources.set(streamName, source);
    if (this.#sources.size > mostUris) {
      for (const oldest of this.#sources.keys()) {
        this.#sources.delete(oldest);
        break;
      }
    }
    await source.open(streamName, scope);
  }
}
