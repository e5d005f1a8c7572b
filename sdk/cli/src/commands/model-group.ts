import type { Command } from 'commander';

/** The group of the `plumbline model` commands: made by whichever of them is registered first. */
export function modelGroup(program: Command): Command {
  return (
    program.commands.find((command) => command.name() === 'model') ??
    program.command('model').description('look into a detector, check it for TensorRT, or bring its weights in')
  );
}
