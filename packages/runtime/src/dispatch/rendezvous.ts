/**
 * Rendezvous hashing (highest random weight): everybody who knows the same members computes the same owner of a
 * partition, and when a member comes or goes only his share moves. Nobody is elected and nothing is stored.
 */
export const ownerOf = (partition: string, members: readonly string[]): string | undefined => {
  let owner: string | undefined;
  let highest = -1;
  for (const member of members) {
    const weight = weightOf(member, partition);
    // Equal weights are told apart by name, so that the order of `members` decides nothing.
    if (weight > highest || (weight === highest && owner !== undefined && member < owner)) {
      owner = member;
      highest = weight;
    }
  }
  return owner;
};

/** The partitions of `partitions` that `self` owns among `members`. */
export const ownedBy = (self: string, partitions: readonly string[], members: readonly string[]): readonly string[] =>
  partitions.filter((partition) => ownerOf(partition, members) === self);

/** 32 bits: FNV-1a, then the finaliser of MurmurHash3, since FNV alone spreads short and similar names badly. */
const weightOf = (member: string, partition: string): number => {
  let hash = 0x811c9dc5;
  for (const text of [member, '/', partition]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};
