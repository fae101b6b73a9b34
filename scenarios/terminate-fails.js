// A3, A4, A10. The AI process is dead, it cannot be restarted, and terminating the instance fails as well.
// The consumer must not carry on as if nothing were the matter, nor as if it were terminated: it uses no job up,
// tries again, and goes on by itself once somebody has started the AI process by hand. Whoever is on call hears
// once that it is dead, and once that the termination fails.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['A3', 'A4', 'A10'],
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 100, duration: '20s' },
  expect: {
    recovery: '6s',
    hooks: {
      restart: { min: 1, max: 20 },
      terminate: { min: 4, max: 10, args: ['ec2', 'terminate-instances', '--instance-ids', '*', '--region', '*'] },
    },
    alerts: 2,
  },
  catches: {
    'A3-terminate-code-ignored': 'hooks',
    'A3-terminate-waits': 'hooks',
    'A4-carry-on': 'no-loss',
    'A10-alert-every-failure': 'alerts',
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
  const restart = await run.inject(faults.hook('restart', [{ code: 0 }]));
  const terminate = await run.inject(faults.hook('terminate', [
    { code: 255, stderr: 'UnauthorizedOperation' }, { code: 137 }, { hang: true }, { code: 2 },
  ]));
  const dead = await run.inject(faults.workerDown());
  await run.hookCalls('terminate', 4); // the third one hangs: that a fourth comes shows that it ended at its limit
  await restart.heal();
  await dead.heal();
  await terminate.heal();
  await run.recovered();
}
