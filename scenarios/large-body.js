// R71. Image-to-image jobs carry their picture: bodies of 10 MB among ones of 50 bytes. They are jobs as any
// other, soon all is as before, and no more of them are held than the prefetch allows.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R71',
  target: 'consumer',
  load: { rate: 50, duration: '20s' },
  expect: { recovery: '16s', prefetch: 8 },
  catches: { 'R71-one-megabyte': 'no-loss' },
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
  const large = await run.inject(faults.messages('large', { count: 3 }));
  await large.inEffect();
  await large.heal();
  await run.recovered();
}
