#include "proto/text/ids.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <random>

#include "proto/text/hex.hpp"

namespace wsidecar::proto {
namespace {

std::mt19937_64& fast_generator() {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return generator;
}

bool predictable = false;

/// Random bytes for many ids at once, because OpenSSL's generator costs as much for 20 bytes as for 500. Each byte is given out once, and is
/// wiped where it was.
class random_stock {
public:
    void take(unsigned char* to, std::size_t size) {
        if (bytes_.size() - used_ < size) {
            if (RAND_bytes(bytes_.data(), static_cast<int>(bytes_.size())) != 1) {
                std::abort();  // no entropy: nothing here may go on with guessable ids
            }
            used_ = 0;
        }
        std::memcpy(to, bytes_.data() + used_, size);
        OPENSSL_cleanse(bytes_.data() + used_, size);
        used_ += size;
    }

private:
    std::array<unsigned char, 512> bytes_;
    std::size_t used_ = bytes_.size();
};

thread_local random_stock stock;

template <std::size_t N>
std::array<unsigned char, N> secure_bytes() {
    std::array<unsigned char, N> b;
    if (predictable) {
        for (auto& byte : b) {
            byte = static_cast<unsigned char>(fast_generator()());
        }
        return b;
    }
    stock.take(b.data(), N);
    return b;
}

}  // namespace

std::string new_connection_id() {
    static constexpr char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    std::string id(20, '\0');
    const auto b = secure_bytes<20>();
    for (std::size_t i = 0; i < id.size(); ++i) {
        id[i] = alphabet[b[i] & 31U];
    }
    return id;
}

std::string random_hex128() {
    std::string out;
    for (const unsigned char c : secure_bytes<16>()) {
        append_hex(out, c);
    }
    return out;
}

std::uint64_t random_bits() {
    return fast_generator()();
}

void predictable_ids(std::uint64_t seed) {
    predictable = true;
    fast_generator().seed(seed);
}

std::uint32_t random_below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_bits() % bound);
}

}  // namespace wsidecar::proto
