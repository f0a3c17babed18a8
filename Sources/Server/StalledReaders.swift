import NIOCore

/// Ends a connection whose other end does not take what was sent to it for some time: it would hold an answer in memory, and a place among the connections.
final class StalledReaders: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = NIOAny

    private let limit: TimeAmount
    /// Pieces that were sent and not taken.
    private var pending = 0
    private var lastTaken = NIODeadline.now()
    private var check: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if pending == 0 { lastTaken = .now() }
        pending += 1
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.pending -= 1
            self.lastTaken = .now()
        }
        context.write(data, promise: promise)
        if check == nil { schedule(context, in: limit) }
    }

    private func schedule(_ context: ChannelHandlerContext, in time: TimeAmount) {
        check = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.check = nil
            guard self.pending > 0 else { return }
            let stalled = NIODeadline.now() - self.lastTaken
            if stalled >= self.limit { return context.close(promise: nil) }
            self.schedule(context, in: self.limit - stalled)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }
}
