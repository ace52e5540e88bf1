// The counter-based generator of src/rng.rs.

__device__ inline u64 mix(u64 x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// The stream `number` of a key.
__device__ inline u64 with(u64 key, u64 number) {
    return mix(key ^ mix(number * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull));
}

__device__ inline u64 random_bits(u64 key, u64 position) { return mix(key + (position + 1) * 0x9E3779B97F4A7C15ull); }

// Whether dropout drops the entry at a position: two entries share one draw, as in src/dropout.rs.
__device__ inline bool drops(u64 key, u64 position, unsigned threshold) {
    return (unsigned)(random_bits(key, position / 2) >> (32 * (position % 2))) < threshold;
}
