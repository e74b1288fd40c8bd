import type { FastifyReply } from 'fastify';

export type Encoding = 'br' | 'gzip';

/** The first of `offered` that the header `Accept-Encoding` takes; undefined: as it is. */
export const encodingFor = (header: string | undefined, offered: readonly Encoding[]): Encoding | undefined => {
  const taken = new Map(
    (header ?? '').split(',').map((part) => {
      const [name = '', weight] = part.split(';');
      return [name.trim().toLowerCase(), weight === undefined || !/^\s*q=0(\.0*)?\s*$/i.test(weight)] as const;
    }),
  );
  return offered.find((name) => taken.get(name) ?? taken.get('*') ?? false);
};

/** Says that the answer depends on this header of the request too. */
export const varyBy = (reply: FastifyReply, name: string): void => {
  const before = reply.getHeader('Vary');
  void reply.header('Vary', before === undefined ? name : `${String(before)}, ${name}`);
};
