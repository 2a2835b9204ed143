import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readAmf0All } from '../../../../wire/amf/amf0-reader.ts';
import { writeAmf0 } from '../../../../wire/amf/amf0-writer.ts';
import { readAmf3All } from '../../../../wire/amf/amf3-reader.ts';
import { writeAmf3 } from '../../../../wire/amf/amf3-writer.ts';
import { AmfObject, type AmfValue, findAmfNumber, findAmfString, isAmfRecord } from '../../../../wire/amf/value.ts';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import { hexBytes } from '../../../vectors/amf/vectors.ts';

function refuses(run: () => unknown, code: WireErrorCode): void {
  assert.throws(run, (error) => error instanceof WireError && error.code === code && error.format === 'amf');
}

function nested(levels: number): AmfValue {
  let value: AmfValue = null;
  for (let i = 1; i < levels; i += 1) value = [value];
  return value;
}

describe('AMF bounds (hostile inputs 4 and 8)', () => {
  it('take nesting of 16 and refuse 17, in reading and writing', () => {
    assert.deepEqual(readAmf0All(writeAmf0([nested(16)])), [nested(16)]);
    assert.deepEqual(readAmf3All(writeAmf3([nested(16)])), [nested(16)]);
    refuses(() => writeAmf0([nested(17)]), 'too-large');
    refuses(() => writeAmf3([nested(17)]), 'too-large');
  });

  it('refuse 10000 levels of every nesting type', () => {
    for (const level of ['030001 61', '08 00000001 0001 61', '0a 00000001', '10 0000 0001 61', '11 09 03 01']) {
      refuses(() => readAmf0All(hexBytes(level.repeat(4000))), 'too-large');
    }
    for (const level of ['09 03 01', '0a 0b 01 03 61', '10 03 00 01', '11 03 00']) {
      refuses(() => readAmf3All(hexBytes(level.repeat(10000))), 'too-large');
    }
  });

  it('refuse counts that the bytes cannot hold, before making room', () => {
    refuses(() => readAmf0All(hexBytes('0a ffffffff 05')), 'truncated');
    refuses(() => readAmf3All(hexBytes('09 ffffffff 01 01')), 'truncated');
    refuses(() => readAmf3All(hexBytes('0d ffffffff 00 00000000')), 'truncated');
    refuses(() => readAmf3All(hexBytes('11 ffffffff 00')), 'truncated');
    refuses(() => readAmf3All(hexBytes('0a ffffffc3 03 43')), 'truncated');
  });

  it('refuse strings longer than the message', () => {
    refuses(() => readAmf0All(hexBytes('02 0005 61')), 'truncated');
    refuses(() => readAmf0All(hexBytes('0c ffffffff 61')), 'too-large');
    refuses(() => readAmf3All(hexBytes('06 0b 6869')), 'truncated');
  });

  it('count values over the whole message, AMF0 and AMF3 together', () => {
    const half = Buffer.alloc(512, 5);
    const avmPlus = Buffer.alloc(1024);
    for (let i = 0; i < avmPlus.length; i += 2) avmPlus.writeUInt16BE(0x1101, i);
    assert.equal(readAmf0All(Buffer.concat([half, avmPlus])).length, 1024);
    refuses(() => readAmf0All(Buffer.concat([half, avmPlus, half])), 'too-large');
  });

  it('refuse more than 64 KiB', () => {
    refuses(() => readAmf0All(Buffer.alloc(65537, 5)), 'too-large');
    refuses(() => readAmf3All(Buffer.alloc(65537, 1)), 'too-large');
  });

  it('charge a reference with all that it refers to', () => {
    // An object of 20 members; then arrays that each refer to the one before, ten times.
    const members = Array.from({ length: 20 }, (_, i) => `0001 ${(0x61 + i).toString(16)} 05`).join('');
    let hex = `03 ${members} 000009`;
    for (let i = 0; i < 5; i += 1) hex += `0a 0000000a${`07 000${i}`.repeat(10)}`;
    refuses(() => readAmf0All(hexBytes(hex)), 'too-large');
    // A string of 1000 bytes, said a hundred times.
    const text = `06 8f51 ${'61'.repeat(1000)}`;
    refuses(() => readAmf3All(hexBytes(text + '06 00'.repeat(100))), 'too-large');
    // Depth counts too: eight levels that hold eight levels by reference are seventeen.
    const eight = '09 03 01'.repeat(8);
    assert.equal(readAmf3All(hexBytes(`${eight} 01 ${'09 03 01'.repeat(7)} 09 00`)).length, 2);
    refuses(() => readAmf3All(hexBytes(`${eight} 01 ${'09 03 01'.repeat(8)} 09 00`)), 'too-large');
  });

  it('refuse loops and unknown references', () => {
    refuses(() => readAmf0All(hexBytes('03 0001 61 07 0000 000009')), 'unsupported');
    refuses(() => readAmf3All(hexBytes('09 03 01 09 00')), 'unsupported');
    refuses(() => readAmf0All(hexBytes('07 0000')), 'malformed');
    refuses(() => readAmf3All(hexBytes('09 04')), 'malformed');
    refuses(() => readAmf3All(hexBytes('06 04')), 'malformed');
    refuses(() => readAmf3All(hexBytes('0a 05')), 'malformed');
  });

  it('refuse what cannot be read', () => {
    refuses(() => readAmf3All(hexBytes('0a 07 03 43')), 'unsupported'); // externalizable
    refuses(() => readAmf0All(hexBytes('04')), 'unsupported');
    refuses(() => readAmf0All(hexBytes('0e')), 'unsupported');
    refuses(() => readAmf0All(hexBytes('09')), 'malformed');
    refuses(() => readAmf0All(hexBytes('12')), 'malformed');
    refuses(() => readAmf3All(hexBytes('12 01')), 'malformed');
  });

  it('refuse to write names that the format cannot hold', () => {
    refuses(() => writeAmf0([new AmfObject([['x'.repeat(65536), 1]])]), 'too-large');
    refuses(() => writeAmf3([new AmfObject([['', 1]])]), 'unsupported');
  });

  it('keep a hostile __proto__ harmless', () => {
    const hostile = hexBytes('03 0009 5f5f70726f746f5f5f 03 0008 706f6c6c75746564 01 01 000009 000009');
    const [value] = readAmf0All(hostile);
    assert.ok(isAmfRecord(value));
    assert.ok(value.has('__proto__'));
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    assert.equal(Object.getPrototypeOf(value), AmfObject.prototype);
  });

  it('find members only in records, of the type asked for', () => {
    const record = new AmfObject([
      ['app', 'live'],
      ['fps', 25],
    ]);
    assert.equal(findAmfString(record, 'app'), 'live');
    assert.equal(findAmfString(record, 'fps'), undefined);
    assert.equal(findAmfNumber(record, 'fps'), 25);
    assert.equal(findAmfNumber(null, 'fps'), undefined);
    assert.equal(findAmfString('app', 'app'), undefined);
  });

  it('write long strings', () => {
    const long = 'é'.repeat(40000);
    const bytes = writeAmf0([long]);
    assert.equal(bytes[0], 0x0c);
    assert.deepEqual(readAmf0All(bytes, { depth: 16, nodes: 1024, bytes: 100000 }), [long]);
  });
});
