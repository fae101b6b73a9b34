// R64. Two consumers are replaced, one after the other, by another program that shares the queue, and
// rolled back: first in order (SIGTERM), then rudely, as their grace was too short (SIGKILL just before
// an ack arrives). Both versions serve side by side for a while. No job may be lost or count twice,
// and nobody who waits for an image may notice.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R64',
  target: 'consumer',
  instances: 2,
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '3s', serving: { share: 0.95, within: '1s' }, fairShare: 0.5 },
  catches: { 'R64-key-per-release': 'duplicates' },
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
  for (const roll of [faults.roll('recovering'), faults.roll('recovering', { how: 'kill', at: 'ack' })]) {
    const rolled = await run.inject(roll);
    await rolled.inEffect();
    await rolled.heal();
    await rolled.gone();
    await run.recovered();
  }
}
