import { backoffDelayMs } from '@baton/core';
import type { Log } from '../log.ts';
import type { CommandMessage, Commands } from '../ports/commands.ts';
import { contentTypes, encodeAnswer, type CommandAnswer } from './answer.ts';
import { carryOut, unknownTask, type CarryOutParts, type Outcome } from './carry-out.ts';
import { formatOf, readCommand } from './read-command.ts';

/** Between two tries of a command that nothing came of. */
const AGAIN = { initialMs: 500, factor: 2, maxMs: 30_000, jitter: 0.5 };

/** A command of a newer version is left alone for so long; a newer program may take it then. */
const NEWER_MS = 30_000;

/** A task that nobody knows is looked for again, so often: it may have been submitted a moment ago. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 400;

/** A command that was given so often is what breaks whoever is given it. */
const DELIVERY_LIMIT = 100;

/** So often is tried what fails in a way nobody thought of. */
const BROKEN_TRIES = 3;

export type CommandHandlerParts = CarryOutParts & {
  readonly commands: Commands;
  readonly log: Log;
  readonly once: { readonly say: (key: string, say: () => void) => void };
};

export type CommandCounts = {
  readonly carriedOut: number;
  readonly refused: number;
  /** Put aside as dead letters: who sent them was told why, or nobody was. */
  readonly buried: { readonly answered: number; readonly unanswered: number };
  readonly again: number;
  readonly newer: number;
};

/**
 * Carries out what publishers ask for by commands. Each is answered and then acknowledged, so what dies in between is done
 * again by another supervisor, which by the operation id comes to the same task and the same answer.
 */
export class CommandHandler {
  private readonly parts: CommandHandlerParts;
  private readonly tally = { carriedOut: 0, refused: 0, buried: { answered: 0, unanswered: 0 }, again: 0, newer: 0 };

  constructor(parts: CommandHandlerParts) {
    this.parts = parts;
  }

  get counts(): CommandCounts {
    return { ...this.tally };
  }

  /** Never rejects; answers what it was given, or lets it come again. */
  readonly take = async (message: CommandMessage): Promise<void> => {
    try {
      await this.settle(message, await this.outcomeOf(message));
    } catch (error) {
      await this.broken(message, error);
    }
  };

  /** A bug: it is told, and does not stay in the way of others. Whether the command did something nobody can say. */
  private async broken(message: CommandMessage, error: unknown): Promise<void> {
    const { once, log } = this.parts;
    once.say('command broken', () => log.error({ err: error }, 'a command failed in a way it should not'));
    if (message.deliveries < BROKEN_TRIES) return this.later(message);
    const text = 'it failed in a way it should not; the log of the supervisor has the reason';
    try {
      await this.bury(message, { code: 'INTERNAL', message: text });
    } catch {
      this.later(message);
    }
  }

  private async outcomeOf(message: CommandMessage): Promise<Outcome | 'newer'> {
    const reading = readCommand(message);
    if (message.deliveries > DELIVERY_LIMIT) {
      const why =
        reading.kind === 'newer'
          ? `its version ${reading.version} is newer than every supervisor here; upgrade them and send it again`
          : `it was tried ${DELIVERY_LIMIT} times in vain`;
      return { kind: 'bury', code: 'UNDELIVERABLE', message: why };
    }
    if (message.badHeaders) {
      return {
        kind: 'bury',
        code: 'INVALID_ARGUMENT',
        message: 'one of its headers is none: a name is ASCII without spaces, and a value has no line break',
      };
    }
    if (message.badReply) {
      return {
        kind: 'bury',
        code: 'INVALID_ARGUMENT',
        message: 'Baton-Reply is an inbox: _INBOX, and more after a dot',
      };
    }
    if (reading.kind === 'newer') return 'newer';
    if (reading.kind === 'bad') return { kind: 'bury', code: 'INVALID_ARGUMENT', message: reading.message };
    return carryOut(this.parts, reading, message);
  }

  private async settle(message: CommandMessage, outcome: Outcome | 'newer'): Promise<void> {
    const { once, log } = this.parts;
    if (outcome === 'newer') {
      this.tally.newer++;
      once.say('command newer', () => log.warn({}, 'a command of a newer version is left to a newer supervisor'));
      return message.again(NEWER_MS);
    }
    switch (outcome.kind) {
      case 'answer':
        if (outcome.answer.ok) this.tally.carriedOut++;
        else this.tally.refused++;
        this.answer(message, outcome.answer);
        return message.ack();
      case 'bury':
        return this.bury(message, outcome);
      case 'again':
        once.say(`command ${outcome.cause.code}`, () =>
          log.warn({ err: outcome.cause }, 'a command came to nothing and is tried again'),
        );
        return this.later(message);
      case 'not-found':
        return this.lookAgain(message, outcome.isSure);
    }
  }

  private async bury(
    message: CommandMessage,
    { code, message: text }: Omit<Extract<Outcome, { kind: 'bury' }>, 'kind'>,
  ) {
    const { commands, log, once } = this.parts;
    const buried = await commands.bury(message, code, text);
    if (buried.kind !== 'written') return this.later(message);
    this.tally.buried[message.replyTo === undefined ? 'unanswered' : 'answered']++;
    once.say(`command buried ${code}`, () =>
      log.warn(
        { code, verb: message.verb, reason: text },
        'a command was not carried out; it lies in the dead letters',
      ),
    );
    this.answer(message, { ok: false, code, message: text });
    message.ack();
  }

  private async lookAgain(message: CommandMessage, isSure: boolean): Promise<void> {
    if (!isSure || message.deliveries < LOOKS) return message.again(LOOK_AGAIN_MS);
    await this.settle(message, unknownTask());
  }

  private later(message: CommandMessage): void {
    this.tally.again++;
    message.again(backoffDelayMs(AGAIN, message.deliveries, this.parts.ports.chance.random()));
  }

  private answer(message: CommandMessage, answer: CommandAnswer): void {
    if (message.replyTo === undefined) return;
    const format = formatOf(message) ?? 'json';
    this.parts.commands.reply(message.replyTo, encodeAnswer(answer, format), contentTypes[format]);
  }
}
