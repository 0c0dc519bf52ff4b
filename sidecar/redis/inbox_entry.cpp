#include "sidecar/redis/inbox_entry.hpp"

#include <charconv>

namespace wsidecar::redis {

entry_fields::entry_fields(proto::reply_view all) {
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        const auto name = all[i].text();
        if (name.size() == 1 && name[0] >= 'a' && name[0] <= 'z') {
            (*this)[static_cast<field>(name[0])] = all[i + 1].text();
        }
    }
}

void entry_fields::keep() {
    std::size_t size = 0;
    for (const auto value : values_) {
        size += value.size();
    }
    storage_ = std::make_shared<std::string>();
    storage_->reserve(size);
    for (auto& value : values_) {
        const auto at = storage_->size();
        storage_->append(value);
        value = std::string_view(*storage_).substr(at);
    }
}

unsigned attempts_in(std::string_view text) {
    unsigned n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

}  // namespace wsidecar::redis
