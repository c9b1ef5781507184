// Decodes groundcast's messages in C++17, with nothing but the standard library; with libzmq it subscribes.
//
//     g++ -std=c++17 read_message.cpp -o read_message && ./read_message message.msgpack
//     g++ -std=c++17 -DWITH_ZMQ read_message.cpp -lzmq -o read_message && ./read_message tcp://127.0.0.1:5570
//
// Either prints messages as JSON. Every integer of a message fits into std::int64_t; a double would leave out nanoseconds.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

struct Value {
    enum Kind { null, boolean, integer, real, text, list, map } kind = null;
    bool flag = false;
    std::int64_t number = 0;
    double fraction = 0.0;
    std::string words;
    std::vector<std::string> keys;  // of a map, in the order of its items
    std::vector<Value> items;       // of a list or a map

    // The value of a key, or nullptr where the map does not have it: what is unknown is absent.
    const Value* find(const std::string& key) const {
        for (std::size_t at = 0; at < keys.size(); ++at)
            if (keys[at] == key) return &items[at];
        return nullptr;
    }
};

class Decoder {
public:
    explicit Decoder(const std::string& body) : body_(body) {}

    // The map in the second part of a message. Throws std::runtime_error where it is none.
    Value message() {
        Value value = read(max_depth);
        if (value.kind != Value::map || at_ != body_.size()) throw std::runtime_error("this is no message");
        return value;
    }

private:
    static constexpr int max_depth = 16;

    Value read(int depth) {
        if (depth == 0) throw std::runtime_error("the message is nested too deeply");
        const auto kind = static_cast<unsigned>(big_endian(1));
        if (kind <= 0x7f) return integer(kind);
        if (kind <= 0x8f) return container(Value::map, kind & 0x0f, depth);
        if (kind <= 0x9f) return container(Value::list, kind & 0x0f, depth);
        if (kind <= 0xbf) return text(kind & 0x1f);
        if (kind >= 0xe0) return integer(static_cast<std::int8_t>(kind));
        switch (kind) {
            case 0xc0: return Value{};
            case 0xc2: case 0xc3: { Value value; value.kind = Value::boolean; value.flag = kind == 0xc3; return value; }
            case 0xca: { const auto bits = static_cast<std::uint32_t>(big_endian(4)); return real<float>(bits); }
            case 0xcb: return real<double>(big_endian(8));
            case 0xcc: return integer(static_cast<std::int64_t>(big_endian(1)));
            case 0xcd: return integer(static_cast<std::int64_t>(big_endian(2)));
            case 0xce: return integer(static_cast<std::int64_t>(big_endian(4)));
            case 0xcf: {
                const std::uint64_t value = big_endian(8);
                if (value > INT64_MAX) throw std::runtime_error("an integer of a message fits into 63 bits");
                return integer(static_cast<std::int64_t>(value));
            }
            case 0xd0: return integer(static_cast<std::int8_t>(big_endian(1)));
            case 0xd1: return integer(static_cast<std::int16_t>(big_endian(2)));
            case 0xd2: return integer(static_cast<std::int32_t>(big_endian(4)));
            case 0xd3: return integer(static_cast<std::int64_t>(big_endian(8)));
            case 0xd9: return text(big_endian(1));
            case 0xda: return text(big_endian(2));
            case 0xdb: return text(big_endian(4));
            case 0xdc: return container(Value::list, big_endian(2), depth);
            case 0xdd: return container(Value::list, big_endian(4), depth);
            case 0xde: return container(Value::map, big_endian(2), depth);
            case 0xdf: return container(Value::map, big_endian(4), depth);
            default: throw std::runtime_error("a byte that occurs in no message");
        }
    }

    const char* take(std::uint64_t length) {
        if (length > body_.size() - at_) throw std::runtime_error("the message is cut off");
        const char* start = body_.data() + at_;
        at_ += length;
        return start;
    }

    std::uint64_t big_endian(int bytes) {
        std::uint64_t value = 0;
        for (const char* byte = take(bytes); bytes-- > 0; ++byte) value = value << 8 | static_cast<unsigned char>(*byte);
        return value;
    }

    static Value integer(std::int64_t number) {
        Value value;
        value.kind = Value::integer;
        value.number = number;
        return value;
    }

    template <typename Real, typename Bits>
    static Value real(Bits bits) {
        static_assert(sizeof(Real) == sizeof(Bits));
        Real fraction;
        std::memcpy(&fraction, &bits, sizeof fraction);
        Value value;
        value.kind = Value::real;
        value.fraction = fraction;
        return value;
    }

    Value text(std::uint64_t length) {
        Value value;
        value.kind = Value::text;
        value.words.assign(take(length), length);
        return value;
    }

    Value container(Value::Kind kind, std::uint64_t length, int depth) {
        Value value;
        value.kind = kind;
        for (std::uint64_t count = 0; count < length; ++count) {
            if (kind == Value::map) value.keys.push_back(read(depth - 1).words);
            value.items.push_back(read(depth - 1));
        }
        return value;
    }

    const std::string& body_;
    std::size_t at_ = 0;
};

static void print_text(const std::string& text) {
    std::putchar('"');
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') std::printf("\\%c", letter);
        else if (code < 0x20) std::printf("\\u%04x", code);
        else std::putchar(letter);
    }
    std::putchar('"');
}

static void print(const Value& value) {
    switch (value.kind) {
        case Value::null: std::printf("null"); return;
        case Value::boolean: std::printf(value.flag ? "true" : "false"); return;
        case Value::integer: std::printf("%lld", static_cast<long long>(value.number)); return;
        case Value::real: std::printf("%.17g", value.fraction); return;
        case Value::text: print_text(value.words); return;
        case Value::list: case Value::map: break;
    }
    const bool is_map = value.kind == Value::map;
    std::putchar(is_map ? '{' : '[');
    for (std::size_t at = 0; at < value.items.size(); ++at) {
        if (at > 0) std::printf(", ");
        if (is_map) { print_text(value.keys[at]); std::printf(": "); }
        print(value.items[at]);
    }
    std::putchar(is_map ? '}' : ']');
}

static void print_message(const std::string& body) {
    print(Decoder(body).message());
    std::putchar('\n');
    std::fflush(stdout);
}

#ifdef WITH_ZMQ
#include <zmq.h>

static std::string receive(void* socket) {
    zmq_msg_t part;
    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, socket, 0) < 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
    std::string bytes(static_cast<char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
    zmq_msg_close(&part);
    return bytes;
}

static void subscribe(const char* address) {
    void* socket = zmq_socket(zmq_ctx_new(), ZMQ_SUB);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "det/1/", 6);
    if (zmq_connect(socket, address) != 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
    while (true) {
        receive(socket);  // the topic
        print_message(receive(socket));
    }
}
#endif

int main(int count, char** arguments) try {
    if (count != 2) throw std::runtime_error("name a file with one message, or with libzmq an address");
#ifdef WITH_ZMQ
    if (std::strstr(arguments[1], "://")) subscribe(arguments[1]);
#endif
    std::ifstream file(arguments[1], std::ios::binary);
    if (!file) throw std::runtime_error("the file cannot be read");
    print_message({std::istreambuf_iterator<char>(file), {}});
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
