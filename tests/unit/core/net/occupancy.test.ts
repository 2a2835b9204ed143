import assert from 'node:assert/strict';
import { Occupancy } from '../../../../core/net/occupancy.ts';

describe('Occupancy', () => {
  it('keeps one address from taking every place, and all from taking more than there are', () => {
    const occupancy = new Occupancy({ total: 3, perAddress: 2 });
    const places = [occupancy.enter('a'), occupancy.enter('a')];
    assert.equal(occupancy.findLimit('a'), 2);
    assert.equal(occupancy.findLimit('b'), undefined);
    places.push(occupancy.enter('b'));
    assert.equal(occupancy.findLimit('c'), 3);
    places[0]?.();
    assert.equal(occupancy.findLimit('a'), undefined);
    assert.equal(occupancy.count, 2);
  });

  it('takes a place back once', () => {
    const occupancy = new Occupancy({ total: 10, perAddress: 10 });
    const leave = occupancy.enter('a');
    occupancy.enter('a');
    leave();
    leave();
    assert.equal(occupancy.count, 1);
  });
});
