import type { Scope } from '../../core/lifecycle/scope.ts';
import { WireError } from '../../wire/errors.ts';
import { findObject, findText, findValue, isObject, type JsonObject, needText } from '../../wire/wcs/json.ts';

/** What an application is pushed: `OnDataEvent`. */
export interface RoomEvent {
  readonly roomName: string;
  readonly name: 'STATE' | 'JOINED' | 'LEFT' | 'PUBLISHED' | 'UNPUBLISHED' | 'FAILED' | 'MESSAGE';
  readonly info: unknown;
}

/** One client's place in rooms. */
export interface Participant {
  /** By which others know it: unique in a room. */
  readonly login: string;
  /** Its session's. */
  readonly scope: Scope;
  tell(event: RoomEvent): void;
}

export interface RoomsSettings {
  readonly maximum: number;
  readonly participants: number;
}

/** The application key of clients of the room API. */
export const roomApplication = 'roomApp';
const longestName = 200;
const longestText = 16 * 1_024;

interface Member {
  readonly participant: Participant;
  /** Names of the streams that it publishes in the room. */
  readonly streams: Set<string>;
}

/** The rooms of the room API: who is there, what they publish, what they say. */
export class Rooms {
  readonly #settings: RoomsSettings;
  readonly #rooms = new Map<string, Map<string, Member>>();

  constructor(settings: RoomsSettings) {
    this.#settings = settings;
  }

  get count(): number {
    return this.#rooms.size;
  }

  /** Obeys a command of `sendData`. Why not, in words for the client; undefined when it was done. Throws WireError. */
  obey(participant: Participant, payload: unknown): string | undefined {
    if (!isObject(payload)) throw new WireError('malformed', 'wcs', 'a room command that is not an object');
    const options = findObject(payload, 'options') ?? {};
    switch (findText(payload, 'command', longestName)) {
      case 'join':
        return this.#join(participant, needText(options, 'name', longestName));
      case 'leave':
        return this.#leave(participant, needText(options, 'name', longestName));
      case 'sendMessage':
        return this.#sendMessage(participant, options);
      default:
        return 'There is no such command';
    }
  }

  /** A stream of the participant is live in the room, until `scope` closes. */
  notePublished(participant: Participant, roomName: string, stream: string, scope: Scope): void {
    const member = this.#find(participant, roomName);
    if (member === undefined) return;
    member.streams.add(stream);
    const info = { login: participant.login, name: stream };
    this.#tellOthers(participant, { roomName, name: 'PUBLISHED', info });
    scope.defer(() => {
      if (member.streams.delete(stream)) this.#tellOthers(participant, { roomName, name: 'UNPUBLISHED', info });
    });
  }

  #join(participant: Participant, roomName: string): string | undefined {
    const { login } = participant;
    if (login === '') return 'A login is needed';
    const known = this.#rooms.get(roomName);
    if (known?.has(login) === true) return 'The login is in the room already';
    if (known === undefined && this.#rooms.size >= this.#settings.maximum) return 'There are too many rooms';
    if (known !== undefined && known.size >= this.#settings.participants) return 'The room is full';
    const room = known ?? new Map<string, Member>();
    this.#rooms.set(roomName, room);
    const state = [...room].flatMap(([other, { streams }]): unknown[] =>
      streams.size === 0 ? [other] : [...streams].map((name) => ({ login: other, name })),
    );
    room.set(login, { participant, streams: new Set() });
    participant.scope.defer(() => void this.#leave(participant, roomName));
    participant.tell({ roomName, name: 'STATE', info: state });
    this.#tellOthers(participant, { roomName, name: 'JOINED', info: login });
    return undefined;
  }

  #leave(participant: Participant, roomName: string): string | undefined {
    const member = this.#find(participant, roomName);
    if (member === undefined) return 'You are not in the room';
    const { login } = participant;
    for (const name of member.streams) {
      this.#tellOthers(participant, { roomName, name: 'UNPUBLISHED', info: { login, name } });
    }
    this.#tellOthers(participant, { roomName, name: 'LEFT', info: login });
    member.streams.clear();
    const room = this.#rooms.get(roomName);
    room?.delete(login);
    if (room?.size === 0) this.#rooms.delete(roomName);
    return undefined;
  }

  #sendMessage(participant: Participant, options: JsonObject): string | undefined {
    const roomName = needText(findObject(options, 'roomConfig') ?? {}, 'name', longestName);
    const to = needText(options, 'to', longestName);
    const text = findValue(options, 'text');
    if (JSON.stringify(text ?? '').length > longestText) return 'The message is too long';
    if (this.#find(participant, roomName) === undefined) return 'You are not in the room';
    const receiver = this.#rooms.get(roomName)?.get(to);
    if (receiver === undefined) return 'There is no such participant';
    receiver.participant.tell({ roomName, name: 'MESSAGE', info: { from: participant.login, text } });
    return undefined;
  }

  #find(participant: Participant, roomName: string): Member | undefined {
    const member = this.#rooms.get(roomName)?.get(participant.login);
    return member?.participant === participant ? member : undefined;
  }

  #tellOthers(participant: Participant, event: RoomEvent): void {
    for (const { participant: other } of this.#rooms.get(event.roomName)?.values() ?? []) {
      if (other !== participant) other.tell(event);
    }
  }
}
