import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { isError } from '../../../../core/errors.ts';
import { listenOn, portUnavailable } from '../../../../core/modules/listen.ts';

const place = { module: 'rtmp', host: '127.0.0.1', port: 0 };

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

describe('listenOn', () => {
  it('gives the port that the system chose', async () => {
    const server = createServer();
    const port = await listenOn(server, place);
    assert.ok(port > 0);
    await close(server);
  });

  it('opens every address for "any"', async () => {
    const server = createServer();
    await listenOn(server, { ...place, host: 'any' });
    const address = server.address();
    assert.ok(typeof address === 'object' && ['::', '0.0.0.0'].includes(address?.address ?? ''));
    await close(server);
  });

  it('tells a taken port in one sentence with the remedy', async () => {
    const first = createServer();
    const port = await listenOn(first, place);
    await assert.rejects(listenOn(createServer(), { ...place, port }), (error) => {
      assert.ok(isError(error, 'port-unavailable'));
      const start = `The module "rtmp" cannot listen on 127.0.0.1 port ${port}: another program uses it. `;
      assert.ok(error.message.startsWith(start), error.message);
      assert.match(error.message, /--set rtmp\.listen\.port=PORT\.$/);
      return true;
    });
    await close(first);
  });

  it('tells an address that the host does not have', async () => {
    // RFC 5737: 192.0.2.0/24 belongs to nobody.
    await assert.rejects(
      listenOn(createServer(), { ...place, host: '192.0.2.1' }),
      /the host has no such address.*rtmp\.listen\.host=any/,
    );
  });

  it('tells a port that the user may not open', () => {
    const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
    const { message } = portUnavailable(denied, { module: 'rtsp', host: 'any', port: 554, key: 'rtsp.listen.port' });
    assert.match(message, /"rtsp" cannot listen on any port 554: this user may not open it\. .*CAP_NET_BIND_SERVICE/);
  });

  it('survives an accept that fails afterwards', async () => {
    const server = createServer();
    const failures: unknown[] = [];
    await listenOn(server, place, (error) => failures.push(error));
    server.emit('error', new Error('accept EMFILE'));
    assert.equal(failures.length, 1);
    assert.equal(server.listening, true);
    await close(server);
  });
});
