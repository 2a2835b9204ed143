import assert from 'node:assert/strict';
import { readAmf0, readAmf0All } from '../../../../wire/amf/amf0-reader.ts';
import { writeAmf0 } from '../../../../wire/amf/amf0-writer.ts';
import { readAmf3, readAmf3All } from '../../../../wire/amf/amf3-reader.ts';
import { writeAmf3 } from '../../../../wire/amf/amf3-writer.ts';
import { amf0Vectors, amf3Vectors, hexBytes } from '../../../vectors/amf/vectors.ts';

const formats = [
  { name: 'AMF0', rows: amf0Vectors, readAll: readAmf0All, readOne: readAmf0, write: writeAmf0 },
  { name: 'AMF3', rows: amf3Vectors, readAll: readAmf3All, readOne: readAmf3, write: writeAmf3 },
];

for (const { name, rows, readAll, readOne, write } of formats) {
  describe(`${name} vectors`, () => {
    for (const row of rows) {
      it(`reads ${row.name}`, () => {
        const bytes = hexBytes(row.hex);
        assert.deepEqual(readAll(bytes), row.values);
        assert.deepEqual(readOne(bytes).value, row.values[0]);
      });
      if (row.decodeOnly !== true) {
        it(`writes ${row.name}`, () => {
          assert.equal(write(row.values).toString('hex'), hexBytes(row.hex).toString('hex'));
        });
      }
    }

    it('tells where a value ends', () => {
      const bytes = write(['one', 2]);
      const first = readOne(bytes);
      assert.equal(first.value, 'one');
      assert.deepEqual(readOne(bytes, first.end), { value: 2, end: bytes.length });
    });
  });
}
