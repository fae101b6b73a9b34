// R33, R34, R35. A connection breaks where it likes: a reset before any frame, whoever sends it; the end
// in the middle of an ack; one corrupt byte, to the broker and from it. Whatever was under way comes
// again, on a new connection, and counts once. (AMQP has no checksum: a byte changed inside a body or
// a tag is nobody's to notice; here it is the byte that ends a frame.)
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R33', 'R34', 'R35'],
  target: 'consumer',
  ai: { warm: '15ms' }, // so that some jobs are always under way: the reset may come at the very first frame
  load: { rate: 100, duration: '14s' },
  expect: { recovery: '3s', inFlight: true },
  catches: {
    'R33-soft-errors-only': 'recovered',
    'R34-key-per-delivery': 'duplicates',
    'R35-501-is-final': 'recovered',
  },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  for (const fault of [
    faults.on('any', 'cut', { from: 'either', within: 40 }),
    faults.on('any', 'cut', { from: 'either', within: 40 }),
    faults.on('ack', 'cut-inside', { nth: 5 }),
    faults.on('deliver', 'cut-inside', { nth: 5, from: 'broker' }),
    faults.on('ack', 'corrupt', { nth: 5 }),
    faults.on('deliver', 'corrupt', { nth: 5, from: 'broker' }),
  ]) {
    const broken = await run.inject(fault);
    await broken.inEffect();
    await broken.heal();
    await run.recovered();
  }
}
