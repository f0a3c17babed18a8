#include "onnx_reader.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

using google::protobuf::Arena;
using google::protobuf::ArenaOptions;
using google::protobuf::UnknownFieldSet;

namespace {

// A few bytes can declare many empty messages, each of which takes a hundred. The arena's blocks are counted, so that such a
// file is refused.
thread_local size_t arena_bytes_left;

void *allocate_block(size_t size) {
    if (size > arena_bytes_left) throw std::bad_alloc();
    arena_bytes_left -= size;
    void *block = std::malloc(size);
    if (!block) throw std::bad_alloc();
    return block;
}

void free_block(void *block, size_t) { std::free(block); }

ArenaOptions arena_options() {
    ArenaOptions options;
    options.block_alloc = allocate_block;
    options.block_dealloc = free_block;
    options.max_block_size = 1 << 20;
    return options;
}

// Fields that are newer than libonnx 1.12, and are found among those that it does not know.
constexpr int node_overload_field = 8;
constexpr int function_default_field = 11;
constexpr int function_overload_field = 13;

dd_onnx_text text(const std::string &value) { return {value.data(), value.size()}; }

dd_onnx_text unknown_text(const UnknownFieldSet &fields, int number) {
    for (int i = fields.field_count() - 1; i >= 0; --i) {
        const auto &field = fields.field(i);
        if (field.number() == number && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) return text(field.length_delimited());
    }
    return {"", 0};
}

} // namespace

struct dd_onnx_model {
    Arena arena{arena_options()};
    onnx::ModelProto *message = nullptr;
    std::vector<std::vector<const onnx::AttributeProto *>> function_defaults;

    bool parse(const void *bytes, size_t count);
};

bool dd_onnx_model::parse(const void *bytes, size_t count) {
    message = Arena::CreateMessage<onnx::ModelProto>(&arena);
    if (!message->ParseFromArray(bytes, static_cast<int>(count))) return false;
    for (const auto &function : message->functions()) {
        auto &defaults = function_defaults.emplace_back();
        const auto &fields = function.unknown_fields();
        for (int i = 0; i < fields.field_count(); ++i) {
            const auto &field = fields.field(i);
            if (field.number() != function_default_field || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) continue;
            auto *attribute = Arena::CreateMessage<onnx::AttributeProto>(&arena);
            if (!attribute->ParseFromString(field.length_delimited())) return false;
            defaults.push_back(attribute);
        }
    }
    return true;
}

dd_onnx_status dd_onnx_model_parse(const void *bytes, size_t count, dd_onnx_model **model) {
    constexpr size_t least = size_t(64) << 20, most = size_t(16) << 30;
    return dd_onnx_model_parse_within(bytes, count, std::min(most, least + 16 * std::min(count, most)), model);
}

dd_onnx_status dd_onnx_model_parse_within(const void *bytes, size_t count, size_t memory_limit, dd_onnx_model **model) {
    *model = nullptr;
    // Protobuf writes to the standard error stream what it thinks of a file; the status says it.
    static const auto silenced = google::protobuf::SetLogHandler(nullptr);
    (void)silenced;
    if (count > INT_MAX) return DD_ONNX_TOO_LARGE;
    arena_bytes_left = memory_limit;
    try {
        auto parsed = std::make_unique<dd_onnx_model>();
        if (!parsed->parse(bytes, count)) return DD_ONNX_BROKEN;
        *model = parsed.release();
        return DD_ONNX_PARSED;
    } catch (const std::bad_alloc &) {
        return DD_ONNX_TOO_LARGE;
    } catch (...) {
        return DD_ONNX_BROKEN;
    }
}

void dd_onnx_model_free(dd_onnx_model *model) { delete model; }

namespace {

const onnx::GraphProto *unwrap(const dd_onnx_graph *graph) { return reinterpret_cast<const onnx::GraphProto *>(graph); }
const onnx::FunctionProto *unwrap(const dd_onnx_function *function) { return reinterpret_cast<const onnx::FunctionProto *>(function); }
const onnx::NodeProto *unwrap(const dd_onnx_node *node) { return reinterpret_cast<const onnx::NodeProto *>(node); }
const onnx::AttributeProto *unwrap(const dd_onnx_attribute *attribute) { return reinterpret_cast<const onnx::AttributeProto *>(attribute); }
const onnx::TensorProto *unwrap(const dd_onnx_tensor *tensor) { return reinterpret_cast<const onnx::TensorProto *>(tensor); }
const onnx::ValueInfoProto *unwrap(const dd_onnx_value_info *info) { return reinterpret_cast<const onnx::ValueInfoProto *>(info); }
const dd_onnx_graph *wrap(const onnx::GraphProto &graph) { return reinterpret_cast<const dd_onnx_graph *>(&graph); }
const dd_onnx_function *wrap(const onnx::FunctionProto &function) { return reinterpret_cast<const dd_onnx_function *>(&function); }
const dd_onnx_node *wrap(const onnx::NodeProto &node) { return reinterpret_cast<const dd_onnx_node *>(&node); }
const dd_onnx_attribute *wrap(const onnx::AttributeProto &attribute) { return reinterpret_cast<const dd_onnx_attribute *>(&attribute); }
const dd_onnx_tensor *wrap(const onnx::TensorProto &tensor) { return reinterpret_cast<const dd_onnx_tensor *>(&tensor); }
const dd_onnx_value_info *wrap(const onnx::ValueInfoProto &info) { return reinterpret_cast<const dd_onnx_value_info *>(&info); }

/// The shape of a tensor, dense or sparse; null for other types and unknown ranks.
const onnx::TensorShapeProto *shape_of(const dd_onnx_value_info *info) {
    const auto &type = unwrap(info)->type();
    if (type.has_tensor_type() && type.tensor_type().has_shape()) return &type.tensor_type().shape();
    return nullptr;
}

} // namespace

int64_t dd_onnx_model_ir_version(const dd_onnx_model *model) { return model->message->ir_version(); }
dd_onnx_text dd_onnx_model_producer_name(const dd_onnx_model *model) { return text(model->message->producer_name()); }
dd_onnx_text dd_onnx_model_producer_version(const dd_onnx_model *model) { return text(model->message->producer_version()); }
bool dd_onnx_model_has_graph(const dd_onnx_model *model) { return model->message->has_graph(); }
const dd_onnx_graph *dd_onnx_model_graph(const dd_onnx_model *model) { return wrap(model->message->graph()); }
size_t dd_onnx_model_opset_count(const dd_onnx_model *model) { return model->message->opset_import_size(); }
dd_onnx_text dd_onnx_model_opset_domain(const dd_onnx_model *model, size_t index) { return text(model->message->opset_import(index).domain()); }
int64_t dd_onnx_model_opset_version(const dd_onnx_model *model, size_t index) { return model->message->opset_import(index).version(); }
size_t dd_onnx_model_metadata_count(const dd_onnx_model *model) { return model->message->metadata_props_size(); }
dd_onnx_text dd_onnx_model_metadata_key(const dd_onnx_model *model, size_t index) { return text(model->message->metadata_props(index).key()); }
dd_onnx_text dd_onnx_model_metadata_value(const dd_onnx_model *model, size_t index) { return text(model->message->metadata_props(index).value()); }
size_t dd_onnx_model_function_count(const dd_onnx_model *model) { return model->message->functions_size(); }
const dd_onnx_function *dd_onnx_model_function(const dd_onnx_model *model, size_t index) { return wrap(model->message->functions(index)); }

dd_onnx_text dd_onnx_graph_name(const dd_onnx_graph *graph) { return text(unwrap(graph)->name()); }
size_t dd_onnx_graph_node_count(const dd_onnx_graph *graph) { return unwrap(graph)->node_size(); }
const dd_onnx_node *dd_onnx_graph_node(const dd_onnx_graph *graph, size_t index) { return wrap(unwrap(graph)->node(index)); }
size_t dd_onnx_graph_initializer_count(const dd_onnx_graph *graph) { return unwrap(graph)->initializer_size(); }
const dd_onnx_tensor *dd_onnx_graph_initializer(const dd_onnx_graph *graph, size_t index) { return wrap(unwrap(graph)->initializer(index)); }
size_t dd_onnx_graph_sparse_initializer_count(const dd_onnx_graph *graph) { return unwrap(graph)->sparse_initializer_size(); }
dd_onnx_text dd_onnx_graph_sparse_initializer_name(const dd_onnx_graph *graph, size_t index) {
    return text(unwrap(graph)->sparse_initializer(index).values().name());
}
size_t dd_onnx_graph_input_count(const dd_onnx_graph *graph) { return unwrap(graph)->input_size(); }
const dd_onnx_value_info *dd_onnx_graph_input(const dd_onnx_graph *graph, size_t index) { return wrap(unwrap(graph)->input(index)); }
size_t dd_onnx_graph_output_count(const dd_onnx_graph *graph) { return unwrap(graph)->output_size(); }
const dd_onnx_value_info *dd_onnx_graph_output(const dd_onnx_graph *graph, size_t index) { return wrap(unwrap(graph)->output(index)); }
size_t dd_onnx_graph_value_info_count(const dd_onnx_graph *graph) { return unwrap(graph)->value_info_size(); }
const dd_onnx_value_info *dd_onnx_graph_value_info(const dd_onnx_graph *graph, size_t index) { return wrap(unwrap(graph)->value_info(index)); }

dd_onnx_text dd_onnx_function_domain(const dd_onnx_function *function) { return text(unwrap(function)->domain()); }
dd_onnx_text dd_onnx_function_name(const dd_onnx_function *function) { return text(unwrap(function)->name()); }
dd_onnx_text dd_onnx_function_overload(const dd_onnx_function *function) { return unknown_text(unwrap(function)->unknown_fields(), function_overload_field); }
size_t dd_onnx_function_input_count(const dd_onnx_function *function) { return unwrap(function)->input_size(); }
dd_onnx_text dd_onnx_function_input(const dd_onnx_function *function, size_t index) { return text(unwrap(function)->input(index)); }
size_t dd_onnx_function_output_count(const dd_onnx_function *function) { return unwrap(function)->output_size(); }
dd_onnx_text dd_onnx_function_output(const dd_onnx_function *function, size_t index) { return text(unwrap(function)->output(index)); }
size_t dd_onnx_function_attribute_count(const dd_onnx_function *function) { return unwrap(function)->attribute_size(); }
dd_onnx_text dd_onnx_function_attribute(const dd_onnx_function *function, size_t index) { return text(unwrap(function)->attribute(index)); }
size_t dd_onnx_function_default_count(const dd_onnx_model *model, size_t function) { return model->function_defaults[function].size(); }
const dd_onnx_attribute *dd_onnx_function_default(const dd_onnx_model *model, size_t function, size_t index) {
    return wrap(*model->function_defaults[function][index]);
}
size_t dd_onnx_function_node_count(const dd_onnx_function *function) { return unwrap(function)->node_size(); }
const dd_onnx_node *dd_onnx_function_node(const dd_onnx_function *function, size_t index) { return wrap(unwrap(function)->node(index)); }
size_t dd_onnx_function_opset_count(const dd_onnx_function *function) { return unwrap(function)->opset_import_size(); }
dd_onnx_text dd_onnx_function_opset_domain(const dd_onnx_function *function, size_t index) { return text(unwrap(function)->opset_import(index).domain()); }
int64_t dd_onnx_function_opset_version(const dd_onnx_function *function, size_t index) { return unwrap(function)->opset_import(index).version(); }

dd_onnx_text dd_onnx_node_name(const dd_onnx_node *node) { return text(unwrap(node)->name()); }
dd_onnx_text dd_onnx_node_op_type(const dd_onnx_node *node) { return text(unwrap(node)->op_type()); }
dd_onnx_text dd_onnx_node_domain(const dd_onnx_node *node) { return text(unwrap(node)->domain()); }
dd_onnx_text dd_onnx_node_overload(const dd_onnx_node *node) { return unknown_text(unwrap(node)->unknown_fields(), node_overload_field); }
dd_onnx_text dd_onnx_node_documentation(const dd_onnx_node *node) { return text(unwrap(node)->doc_string()); }
size_t dd_onnx_node_input_count(const dd_onnx_node *node) { return unwrap(node)->input_size(); }
dd_onnx_text dd_onnx_node_input(const dd_onnx_node *node, size_t index) { return text(unwrap(node)->input(index)); }
size_t dd_onnx_node_output_count(const dd_onnx_node *node) { return unwrap(node)->output_size(); }
dd_onnx_text dd_onnx_node_output(const dd_onnx_node *node, size_t index) { return text(unwrap(node)->output(index)); }
size_t dd_onnx_node_attribute_count(const dd_onnx_node *node) { return unwrap(node)->attribute_size(); }
const dd_onnx_attribute *dd_onnx_node_attribute(const dd_onnx_node *node, size_t index) { return wrap(unwrap(node)->attribute(index)); }

dd_onnx_text dd_onnx_attribute_name(const dd_onnx_attribute *attribute) { return text(unwrap(attribute)->name()); }
dd_onnx_text dd_onnx_attribute_reference(const dd_onnx_attribute *attribute) { return text(unwrap(attribute)->ref_attr_name()); }
dd_onnx_attribute_kind dd_onnx_attribute_kind_of(const dd_onnx_attribute *attribute) { return static_cast<dd_onnx_attribute_kind>(unwrap(attribute)->type()); }
float dd_onnx_attribute_float(const dd_onnx_attribute *attribute) { return unwrap(attribute)->f(); }
int64_t dd_onnx_attribute_int(const dd_onnx_attribute *attribute) { return unwrap(attribute)->i(); }
dd_onnx_text dd_onnx_attribute_string(const dd_onnx_attribute *attribute) { return text(unwrap(attribute)->s()); }
const dd_onnx_tensor *dd_onnx_attribute_tensor(const dd_onnx_attribute *attribute) { return wrap(unwrap(attribute)->t()); }
const dd_onnx_graph *dd_onnx_attribute_graph(const dd_onnx_attribute *attribute) { return wrap(unwrap(attribute)->g()); }
size_t dd_onnx_attribute_float_count(const dd_onnx_attribute *attribute) { return unwrap(attribute)->floats_size(); }
const float *dd_onnx_attribute_floats(const dd_onnx_attribute *attribute) { return unwrap(attribute)->floats().data(); }
size_t dd_onnx_attribute_int_count(const dd_onnx_attribute *attribute) { return unwrap(attribute)->ints_size(); }
const int64_t *dd_onnx_attribute_ints(const dd_onnx_attribute *attribute) { return unwrap(attribute)->ints().data(); }
size_t dd_onnx_attribute_string_count(const dd_onnx_attribute *attribute) { return unwrap(attribute)->strings_size(); }
dd_onnx_text dd_onnx_attribute_string_at(const dd_onnx_attribute *attribute, size_t index) { return text(unwrap(attribute)->strings(index)); }
size_t dd_onnx_attribute_tensor_count(const dd_onnx_attribute *attribute) { return unwrap(attribute)->tensors_size(); }
const dd_onnx_tensor *dd_onnx_attribute_tensor_at(const dd_onnx_attribute *attribute, size_t index) { return wrap(unwrap(attribute)->tensors(index)); }
size_t dd_onnx_attribute_graph_count(const dd_onnx_attribute *attribute) { return unwrap(attribute)->graphs_size(); }
const dd_onnx_graph *dd_onnx_attribute_graph_at(const dd_onnx_attribute *attribute, size_t index) { return wrap(unwrap(attribute)->graphs(index)); }

dd_onnx_text dd_onnx_tensor_name(const dd_onnx_tensor *tensor) { return text(unwrap(tensor)->name()); }
int32_t dd_onnx_tensor_data_type(const dd_onnx_tensor *tensor) { return unwrap(tensor)->data_type(); }
size_t dd_onnx_tensor_dimension_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->dims_size(); }
const int64_t *dd_onnx_tensor_dimensions(const dd_onnx_tensor *tensor) { return unwrap(tensor)->dims().data(); }
bool dd_onnx_tensor_has_raw_data(const dd_onnx_tensor *tensor) { return unwrap(tensor)->has_raw_data(); }
dd_onnx_text dd_onnx_tensor_raw_data(const dd_onnx_tensor *tensor) { return text(unwrap(tensor)->raw_data()); }
size_t dd_onnx_tensor_float_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->float_data_size(); }
const float *dd_onnx_tensor_floats(const dd_onnx_tensor *tensor) { return unwrap(tensor)->float_data().data(); }
size_t dd_onnx_tensor_int32_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->int32_data_size(); }
const int32_t *dd_onnx_tensor_int32s(const dd_onnx_tensor *tensor) { return unwrap(tensor)->int32_data().data(); }
size_t dd_onnx_tensor_int64_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->int64_data_size(); }
const int64_t *dd_onnx_tensor_int64s(const dd_onnx_tensor *tensor) { return unwrap(tensor)->int64_data().data(); }
size_t dd_onnx_tensor_double_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->double_data_size(); }
const double *dd_onnx_tensor_doubles(const dd_onnx_tensor *tensor) { return unwrap(tensor)->double_data().data(); }
size_t dd_onnx_tensor_uint64_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->uint64_data_size(); }
const uint64_t *dd_onnx_tensor_uint64s(const dd_onnx_tensor *tensor) { return unwrap(tensor)->uint64_data().data(); }
size_t dd_onnx_tensor_string_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->string_data_size(); }
bool dd_onnx_tensor_has_segment(const dd_onnx_tensor *tensor) { return unwrap(tensor)->has_segment(); }
bool dd_onnx_tensor_is_external(const dd_onnx_tensor *tensor) { return unwrap(tensor)->data_location() == onnx::TensorProto::EXTERNAL; }
size_t dd_onnx_tensor_external_count(const dd_onnx_tensor *tensor) { return unwrap(tensor)->external_data_size(); }
dd_onnx_text dd_onnx_tensor_external_key(const dd_onnx_tensor *tensor, size_t index) { return text(unwrap(tensor)->external_data(index).key()); }
dd_onnx_text dd_onnx_tensor_external_value(const dd_onnx_tensor *tensor, size_t index) { return text(unwrap(tensor)->external_data(index).value()); }

dd_onnx_text dd_onnx_value_info_name(const dd_onnx_value_info *info) { return text(unwrap(info)->name()); }
dd_onnx_type_kind dd_onnx_value_info_type(const dd_onnx_value_info *info) {
    switch (unwrap(info)->type().value_case()) {
        case onnx::TypeProto::kTensorType: return DD_ONNX_TYPE_TENSOR;
        case onnx::TypeProto::kSparseTensorType: return DD_ONNX_TYPE_SPARSE_TENSOR;
        case onnx::TypeProto::kSequenceType: return DD_ONNX_TYPE_SEQUENCE;
        case onnx::TypeProto::kMapType: return DD_ONNX_TYPE_MAP;
        case onnx::TypeProto::kOptionalType: return DD_ONNX_TYPE_OPTIONAL;
        default: return DD_ONNX_TYPE_NONE;
    }
}
int32_t dd_onnx_value_info_element_type(const dd_onnx_value_info *info) { return unwrap(info)->type().tensor_type().elem_type(); }
bool dd_onnx_value_info_has_shape(const dd_onnx_value_info *info) { return shape_of(info) != nullptr; }
size_t dd_onnx_value_info_dimension_count(const dd_onnx_value_info *info) {
    const auto *shape = shape_of(info);
    return shape ? shape->dim_size() : 0;
}
dd_onnx_dimension_kind dd_onnx_value_info_dimension_kind(const dd_onnx_value_info *info, size_t index) {
    const auto &dimension = shape_of(info)->dim(index);
    if (dimension.has_dim_value()) return DD_ONNX_DIMENSION_SIZE;
    return dimension.has_dim_param() && !dimension.dim_param().empty() ? DD_ONNX_DIMENSION_SYMBOL : DD_ONNX_DIMENSION_UNKNOWN;
}
int64_t dd_onnx_value_info_dimension_size(const dd_onnx_value_info *info, size_t index) { return shape_of(info)->dim(index).dim_value(); }
dd_onnx_text dd_onnx_value_info_dimension_symbol(const dd_onnx_value_info *info, size_t index) { return text(shape_of(info)->dim(index).dim_param()); }
