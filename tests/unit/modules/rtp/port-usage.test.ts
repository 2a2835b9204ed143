import assert from 'node:assert/strict';
import { measurePorts } from '../../../../modules/rtp/port-usage.ts';
import { TestTransports } from '../../../support/peer-transports.ts';

const range = { first: 31_000, last: 31_999 };

describe('modules/rtp ports in use', () => {
  it('are counted once each, in the range alone', () => {
    assert.deepEqual(measurePorts(range, []), { busy: 0, free: 1_000, quarantine: 0 });
    const open = [31_000, 31_001, 31_999, 31_000, 30_999, 32_000, 53];
    assert.deepEqual(measurePorts(range, open), { busy: 3, free: 997, quarantine: 0 });
    assert.deepEqual(measurePorts({ first: 5, last: 4 }, [5]), { busy: 0, free: 0, quarantine: 0 });
  });

  it('are those of browsers too, from the first one on', async () => {
    const test = TestTransports.manual();
    assert.deepEqual(test.transports.ports, []);
    const { transport } = await test.open();
    const told = transport.local.candidates.map((line) => Number(line.split(' ')[5]));
    assert.deepEqual(test.transports.ports, told);
    await test.close();
  });
});
