import { readIceSecrets, readIceServers, withIceSecrets, writeFragment } from './ice-text.ts';
import { readRefusal } from './refusal.ts';

export interface SessionSettings {
  /** `./whip/NAME` or `./whep/NAME`. */
  readonly url: string;
  readonly token: string | undefined;
}

/** A session of WHIP or WHEP: made by one POST, kept by PATCH, ended by DELETE. RFC 9725 4. */
export class SignalledSession {
  readonly #connection: RTCPeerConnection;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #answer: string;
  #ended = false;

  private constructor(connection: RTCPeerConnection, url: string, answer: string, headers: Record<string, string>) {
    this.#connection = connection;
    this.#url = url;
    this.#answer = answer;
    this.#headers = headers;
  }

  /** Offers what `connection` has. Throws Refusal, TypeError when nobody answers, and AbortError. */
  static async open(
    connection: RTCPeerConnection,
    { url, token }: SessionSettings,
    signal: AbortSignal,
  ): Promise<SignalledSession> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const offer = withStereo(await connection.createOffer());
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/sdp' },
      body: offer.sdp ?? '',
      signal,
    });
    if (response.status !== 201) throw await readRefusal(response);
    const resource = new URL(response.headers.get('location') ?? '', response.url).href;
    const session = new SignalledSession(connection, resource, '', headers);
    try {
      session.#answer = await response.text();
      signal.throwIfAborted();
      // Candidates are gathered from here on only, with the servers that were told just now (RFC 9725 4.6). The other end
      // has a public address and learns ours from our checks, so none has to be sent.
      const iceServers = readIceServers(response.headers.get('link'));
      connection.setConfiguration({ ...connection.getConfiguration(), iceServers });
      await connection.setLocalDescription(offer);
      await connection.setRemoteDescription({ type: 'answer', sdp: session.#answer });
      signal.throwIfAborted();
      return session;
    } catch (error) {
      session.end();
      throw error;
    }
  }

  /** Another path for the same session: after a change of network. RFC 9725 4.3.2. Throws as `open` does. */
  async restart(): Promise<void> {
    const connection = this.#connection;
    const offer = await connection.createOffer({ iceRestart: true });
    await connection.setLocalDescription(offer);
    const response = await fetch(this.#url, {
      method: 'PATCH',
      headers: { ...this.#headers, 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
      body: writeFragment(readIceSecrets(offer.sdp ?? '')),
    });
    if (response.status !== 200) throw await readRefusal(response);
    this.#answer = withIceSecrets(this.#answer, readIceSecrets(await response.text()));
    await connection.setRemoteDescription({ type: 'answer', sdp: this.#answer });
  }

  /** Ends the connection too, in this order: the server hears the reason first. Works while the page is being left. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const connection = this.#connection;
    fetch(this.#url, { method: 'DELETE', headers: this.#headers, keepalive: true })
      // Who is gone already cannot be told; the server notices by itself.
      .catch(() => undefined)
      .finally(() => connection.close());
  }
}

/** Chromium decodes Opus in mono unless its own offer says that it takes stereo (RFC 7587 7). */
function withStereo({ type, sdp = '' }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
  const take = (line: string): string => (line.includes('stereo=') ? line : `${line};stereo=1`);
  return { type, sdp: sdp.replace(/^a=fmtp:\d+ [^\r\n]*useinbandfec=1[^\r\n]*/gm, take) };
}
