package io.wsidecar.core;

/**
 * The last sequence number of each connection that was heard of lately, in a table that never grows: a set of four places is shared by the connections
 * whose hash leads to it, and the one that was heard of least lately gives way. Not safe for threads.
 */
final class Sequences {
    private static final int WAYS = 4;
    private static final int SETS = 1 << 13;
    private static final int BITS = 31;
    /** Hashes of 64 bits in place of ids; 0: the place is free. */
    private final long[] hashes = new long[SETS * WAYS];
    private final long[] sequences = new long[SETS * WAYS];

    /** -1: not known, or not any more. */
    long of(String connection) {
        long hash = hash(connection);
        int set = set(hash);
        for (int at = set; at < set + WAYS; at++) {
            if (hashes[at] == hash) {
                return sequences[at];
            }
        }
        return -1;
    }

    void put(String connection, long sequence) {
        long hash = hash(connection);
        int set = set(hash);
        int at = set;
        while (at < set + WAYS - 1 && hashes[at] != hash) {
            at++;
        }
        System.arraycopy(hashes, set, hashes, set + 1, at - set);
        System.arraycopy(sequences, set, sequences, set + 1, at - set);
        hashes[set] = hash;
        sequences[set] = sequence;
    }

    private static int set(long hash) {
        return ((int) (hash >>> BITS) & (SETS - 1)) * WAYS;
    }

    private static long hash(String id) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < id.length(); i++) {
            hash = (hash ^ id.charAt(i)) * 0x100000001b3L;  // FNV-1a
        }
        return hash == 0 ? 1 : hash;
    }
}
