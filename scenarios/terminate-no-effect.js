// A4. The AI process is dead and cannot be restarted. Terminating the instance "succeeds" (exit code 0),
// and yet the instance lives on. The consumer must notice, alert once more, use no job up, try again,
// and go on by itself when somebody has started the AI process. Real: it believes for 5 min, here 1 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A4',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 50, duration: '14s' },
  expect: {
    recovery: '6s',
    hooks: { restart: { min: 1, max: 10 }, terminate: { min: 2, max: 4 } },
    alerts: 2,
  },
  catches: { 'A4-believes-accepted': 'hooks', 'A4-carry-on': 'no-loss' },
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
  const restart = await run.inject(faults.hook('restart', [{ code: 0 }]));
  const terminate = await run.inject(faults.hook('terminate', [{ code: 0 }]));
  const dead = await run.inject(faults.workerDown());
  await run.hookCalls('terminate', 2);
  await restart.heal();
  await dead.heal();
  await terminate.heal();
  await run.recovered();
}
