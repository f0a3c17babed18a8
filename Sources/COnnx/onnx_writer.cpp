#include "onnx_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <climits>
#include <cstring>
#include <exception>
#include <vector>

using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

struct dd_onnx_writer {
    onnx::ModelProto model;
    /// Kept apart from the model: their data is written by the caller.
    std::vector<onnx::TensorProto> initializers;
    /// The number of bytes that follow each head.
    std::vector<size_t> data_bytes;
    std::string piece;
};

namespace {

std::string string(dd_onnx_text text) { return std::string(text.bytes, text.count); }

onnx::FunctionProto *unwrap(dd_onnx_new_function *function) { return reinterpret_cast<onnx::FunctionProto *>(function); }

onnx::AttributeProto *add_attribute(dd_onnx_new_node *node, dd_onnx_text name, onnx::AttributeProto::AttributeType type) {
    auto *attribute = reinterpret_cast<onnx::NodeProto *>(node)->add_attribute();
    attribute->set_name(string(name));
    attribute->set_type(type);
    return attribute;
}

void set_type(onnx::TensorProto &tensor, int32_t element_type, const int64_t *dimensions, size_t count) {
    tensor.set_data_type(element_type);
    for (size_t i = 0; i < count; ++i) tensor.add_dims(dimensions[i]);
}

onnx::TensorProto &add_initializer(dd_onnx_writer *writer, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t count,
                                   size_t data_bytes) {
    auto &tensor = writer->initializers.emplace_back();
    tensor.set_name(string(name));
    set_type(tensor, element_type, dimensions, count);
    writer->data_bytes.push_back(data_bytes);
    return tensor;
}

bool is_external(const onnx::TensorProto &tensor) { return tensor.data_location() == onnx::TensorProto::EXTERNAL; }

uint32_t tag(int field) {
    using google::protobuf::internal::WireFormatLite;
    return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

/// The tag and the length that stand in front of a field of so many bytes.
size_t prefix_size(int field, size_t bytes) { return CodedOutputStream::VarintSize32(tag(field)) + CodedOutputStream::VarintSize64(bytes); }

void write_prefix(CodedOutputStream &output, int field, size_t bytes) {
    output.WriteVarint32(tag(field));
    output.WriteVarint64(bytes);
}

/// The length of an initialiser's message, its data included.
size_t message_size(const dd_onnx_writer *writer, size_t index) {
    const auto &tensor = writer->initializers[index];
    size_t bytes = tensor.ByteSizeLong();
    if (is_external(tensor)) return bytes;
    return bytes + prefix_size(onnx::TensorProto::kRawDataFieldNumber, writer->data_bytes[index]) + writer->data_bytes[index];
}

} // namespace

dd_onnx_writer *dd_onnx_writer_create(int64_t ir_version) {
    auto *writer = new dd_onnx_writer;
    writer->model.set_ir_version(ir_version);
    return writer;
}

void dd_onnx_writer_free(dd_onnx_writer *writer) { delete writer; }

void dd_onnx_writer_set_producer(dd_onnx_writer *writer, dd_onnx_text name, dd_onnx_text version) {
    writer->model.set_producer_name(string(name));
    writer->model.set_producer_version(string(version));
}

void dd_onnx_writer_set_graph(dd_onnx_writer *writer, dd_onnx_text name, dd_onnx_text documentation) {
    writer->model.mutable_graph()->set_name(string(name));
    if (documentation.count) writer->model.mutable_graph()->set_doc_string(string(documentation));
}

void dd_onnx_writer_add_opset(dd_onnx_writer *writer, dd_onnx_text domain, int64_t version) {
    auto *opset = writer->model.add_opset_import();
    opset->set_domain(string(domain));
    opset->set_version(version);
}

void dd_onnx_writer_add_metadata(dd_onnx_writer *writer, dd_onnx_text key, dd_onnx_text value) {
    auto *entry = writer->model.add_metadata_props();
    entry->set_key(string(key));
    entry->set_value(string(value));
}

void dd_onnx_writer_add_value(dd_onnx_writer *writer, dd_onnx_value_role role, dd_onnx_text name, int32_t element_type, const int64_t *dimensions,
                              size_t dimension_count) {
    auto *graph = writer->model.mutable_graph();
    auto *info = role == DD_ONNX_VALUE_INPUT ? graph->add_input() : role == DD_ONNX_VALUE_OUTPUT ? graph->add_output() : graph->add_value_info();
    info->set_name(string(name));
    auto *type = info->mutable_type()->mutable_tensor_type();
    type->set_elem_type(element_type);
    auto *shape = type->mutable_shape();
    for (size_t i = 0; i < dimension_count; ++i) shape->add_dim()->set_dim_value(dimensions[i]);
}

dd_onnx_new_function *dd_onnx_writer_add_function(dd_onnx_writer *writer, dd_onnx_text domain, dd_onnx_text name, dd_onnx_text documentation) {
    auto *function = writer->model.add_functions();
    function->set_domain(string(domain));
    function->set_name(string(name));
    if (documentation.count) function->set_doc_string(string(documentation));
    *function->mutable_opset_import() = writer->model.opset_import();
    return reinterpret_cast<dd_onnx_new_function *>(function);
}

void dd_onnx_function_add_input(dd_onnx_new_function *function, dd_onnx_text name) { unwrap(function)->add_input(string(name)); }
void dd_onnx_function_add_output(dd_onnx_new_function *function, dd_onnx_text name) { unwrap(function)->add_output(string(name)); }
void dd_onnx_function_add_attribute(dd_onnx_new_function *function, dd_onnx_text name) { unwrap(function)->add_attribute(string(name)); }

dd_onnx_new_node *dd_onnx_writer_add_node(dd_onnx_writer *writer, dd_onnx_new_function *function, dd_onnx_text domain, dd_onnx_text op_type, dd_onnx_text name,
                                          dd_onnx_text documentation) {
    auto *node = function ? unwrap(function)->add_node() : writer->model.mutable_graph()->add_node();
    node->set_op_type(string(op_type));
    if (domain.count) node->set_domain(string(domain));
    if (name.count) node->set_name(string(name));
    if (documentation.count) node->set_doc_string(string(documentation));
    return reinterpret_cast<dd_onnx_new_node *>(node);
}

void dd_onnx_node_add_input(dd_onnx_new_node *node, dd_onnx_text name) { reinterpret_cast<onnx::NodeProto *>(node)->add_input(string(name)); }
void dd_onnx_node_add_output(dd_onnx_new_node *node, dd_onnx_text name) { reinterpret_cast<onnx::NodeProto *>(node)->add_output(string(name)); }

void dd_onnx_node_add_int(dd_onnx_new_node *node, dd_onnx_text name, int64_t value) { add_attribute(node, name, onnx::AttributeProto::INT)->set_i(value); }
void dd_onnx_node_add_float(dd_onnx_new_node *node, dd_onnx_text name, float value) { add_attribute(node, name, onnx::AttributeProto::FLOAT)->set_f(value); }
void dd_onnx_node_add_string(dd_onnx_new_node *node, dd_onnx_text name, dd_onnx_text value) {
    add_attribute(node, name, onnx::AttributeProto::STRING)->set_s(string(value));
}
void dd_onnx_node_add_ints(dd_onnx_new_node *node, dd_onnx_text name, const int64_t *values, size_t count) {
    add_attribute(node, name, onnx::AttributeProto::INTS)->mutable_ints()->Add(values, values + count);
}
void dd_onnx_node_add_floats(dd_onnx_new_node *node, dd_onnx_text name, const float *values, size_t count) {
    add_attribute(node, name, onnx::AttributeProto::FLOATS)->mutable_floats()->Add(values, values + count);
}
void dd_onnx_node_add_strings(dd_onnx_new_node *node, dd_onnx_text name, const dd_onnx_text *values, size_t count) {
    auto *attribute = add_attribute(node, name, onnx::AttributeProto::STRINGS);
    for (size_t i = 0; i < count; ++i) attribute->add_strings(string(values[i]));
}
void dd_onnx_node_add_tensor(dd_onnx_new_node *node, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                             const void *bytes, size_t byte_count) {
    auto *tensor = add_attribute(node, name, onnx::AttributeProto::TENSOR)->mutable_t();
    set_type(*tensor, element_type, dimensions, dimension_count);
    tensor->set_raw_data(bytes, byte_count);
}

void dd_onnx_writer_add_initializer(dd_onnx_writer *writer, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                                    size_t byte_count) {
    add_initializer(writer, name, element_type, dimensions, dimension_count, byte_count);
}

void dd_onnx_writer_add_external_initializer(dd_onnx_writer *writer, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                                             size_t byte_count, dd_onnx_text location, size_t offset) {
    auto &tensor = add_initializer(writer, name, element_type, dimensions, dimension_count, 0);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto add = [&](const char *key, const std::string &value) {
        auto *entry = tensor.add_external_data();
        entry->set_key(key);
        entry->set_value(value);
    };
    add("location", string(location));
    add("offset", std::to_string(offset));
    add("length", std::to_string(byte_count));
}

const void *dd_onnx_writer_serialize(dd_onnx_writer *writer, size_t *count) {
    auto &model = writer->model;
    // Messages may have their fields in any order, so the graph, which the initialisers end, comes last.
    onnx::GraphProto graph;
    graph.Swap(model.mutable_graph());
    model.clear_graph();
    const size_t own = graph.ByteSizeLong(), front = model.ByteSizeLong();
    size_t bytes = own;
    for (size_t i = 0; i < writer->initializers.size(); ++i) {
        const size_t message = message_size(writer, i);
        bytes += prefix_size(onnx::GraphProto::kInitializerFieldNumber, message) + message;
    }
    bool fits = front + bytes + prefix_size(onnx::ModelProto::kGraphFieldNumber, bytes) <= INT_MAX;
    if (fits) {
        writer->piece.clear();
        StringOutputStream stream(&writer->piece);
        CodedOutputStream output(&stream);
        model.SerializeToCodedStream(&output);
        write_prefix(output, onnx::ModelProto::kGraphFieldNumber, bytes);
        graph.SerializeToCodedStream(&output);
    }
    model.mutable_graph()->Swap(&graph);
    *count = fits ? writer->piece.size() : 0;
    return fits ? writer->piece.data() : nullptr;
}

const void *dd_onnx_writer_serialize_initializer(dd_onnx_writer *writer, size_t index, size_t *count) {
    const auto &tensor = writer->initializers[index];
    writer->piece.clear();
    {
        StringOutputStream stream(&writer->piece);
        CodedOutputStream output(&stream);
        write_prefix(output, onnx::GraphProto::kInitializerFieldNumber, message_size(writer, index));
        tensor.SerializeToCodedStream(&output);
        if (!is_external(tensor)) write_prefix(output, onnx::TensorProto::kRawDataFieldNumber, writer->data_bytes[index]);
    }
    *count = writer->piece.size();
    return writer->piece.data();
}

char *dd_onnx_check_file(const char *path) {
    try {
        onnx::checker::check_model(std::string(path));
        return nullptr;
    } catch (const std::exception &error) {
        return strdup(error.what());
    } catch (...) {
        return strdup("the checker failed");
    }
}
