import assert from 'node:assert/strict';
import { hostAddresses, urlTable } from '../../../../core/modules/addresses.ts';

describe('the table of URLs', () => {
  it('names the host, publishers first', () => {
    const table = urlTable(
      [
        { protocol: 'hls', direction: 'play', url: 'http://HOST:8082/NAME/index.m3u8' },
        { protocol: 'rtmp', direction: 'publish', url: 'rtmp://HOST/live/NAME' },
        { protocol: 'metrics', direction: 'open', url: 'http://127.0.0.1:7777/metrics' },
      ],
      ['192.0.2.7', '[2001:db8::7]'],
    );
    assert.deepEqual(table.split('\n'), [
      '  publish  rtmp      rtmp://192.0.2.7/live/NAME',
      '  play     hls       http://192.0.2.7:8082/NAME/index.m3u8',
      '  open     metrics   http://127.0.0.1:7777/metrics',
      "  The host's other addresses: [2001:db8::7]",
      '',
    ]);
  });
  it('has an address on every host', () => {
    assert.ok(hostAddresses().length > 0);
    for (const address of hostAddresses()) assert.ok(URL.canParse(`http://${address}/`));
  });
});
