import Files
import Foundation
import HTTPTypes
import Hummingbird

/// What is wrong with a request, as its answer says it: `application/problem+json`.
struct Problem: Error, HTTPResponseError {
    var status: HTTPResponse.Status
    var detail: String
    var advice: String?
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ detail: String, advice: String? = nil, headers: HTTPFields = [:]) {
        (self.status, self.detail, self.advice, self.headers) = (status, detail, advice, headers)
    }

    /// What the engine says, without the server's own paths.
    init(_ status: HTTPResponse.Status, _ error: InputError, words: (String) -> String) {
        self.init(status, words(error.what.printableLines), advice: error.advice.map { words($0.printableLines) })
    }

    static let notFound = Problem(.notFound, "there is nothing at this address")

    private struct Body: Encodable {
        var type = "about:blank"
        var title: String
        var status: Int
        var detail: String
        var advice: String?
    }

    var response: Response {
        let body = Body(title: status.reasonPhrase, status: status.code, detail: detail, advice: advice)
        var response = Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: encodeJSON(body, pretty: false))))
        response.headers[.contentType] = "application/problem+json"
        return response
    }

    func response(from request: Request, context: some RequestContext) throws -> Response { response }
}

/// All errors as problems, so that none leaves in another form.
struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    let known: KnownRoutes

    func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as InputError {
            // What a request can be blamed for is a `Problem` by now.
            context.logger.error("\(error)")
            return Problem(.internalServerError, error.what.printableLines, advice: error.advice?.printableLines).response
        } catch let error as any HTTPResponseError {
            let methods = error.status == .notFound ? known.methods(request.uri.path) : []
            if !methods.isEmpty, !methods.contains(request.method) {
                let allowed = methods.map(\.rawValue).joined(separator: ", ")
                return Problem(.methodNotAllowed, "this address takes \(allowed), not \(request.method.rawValue)", headers: [.allow: allowed]).response
            }
            return Problem(error.status, error.status == .notFound ? Problem.notFound.detail : error.status.reasonPhrase).response
        } catch is CancellationError {
            return Problem(.serviceUnavailable, "the server is ending").response
        } catch {
            context.logger.error("\(String(describing: error).printableLines)")
            return Problem(.internalServerError, "something went wrong in the server", advice: "Its log says what.").response
        }
    }
}
