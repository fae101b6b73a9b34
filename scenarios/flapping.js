// R38. The connection flaps: it comes and goes six times, each time as soon as some jobs are done.
// Whatever the number, the consumer comes back after the last. Real: seconds apart; here, tenths.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R38',
  target: 'consumer',
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '3s', inFlight: true },
  catches: { 'R38-attempts-for-life': 'recovered' },
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
  for (let i = 0; i < 6; i++) {
    const gone = await run.inject(faults.on('ack', 'cut', { nth: 20 }));
    await gone.inEffect();
    await gone.heal();
  }
  await run.recovered();
}
