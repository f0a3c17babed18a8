import ArgumentParser

/// Texts of `deblurdiff help TOPIC`.
enum HelpTopics {
    /// A new one is a line here, and its text.
    static let all: [(name: String, abstract: String, text: String)] = [
        ("jobs", "lines of JSON for 'run --jobs'", jobs), ("progress", "lines of JSON of 'run --progress json'", progress),
        ("resume", "what is kept when work is interrupted, and how it goes on", resume), ("exit-status", "what commands end with", exitStatus),
        ("files", "files that the program reads and writes by itself", files), ("photographs", "formats, colours, metadata", photographs),
        ("metrics", "what 'evaluate' measures, and how photographs find their references", metrics),
    ]

    static func text(_ topic: String) -> String? {
        if topic == "topics" {
            return "Topics, for 'deblurdiff help TOPIC':\n\n" + all.map { "  " + $0.name.padded(to: 14) + $0.abstract }.joined(separator: "\n")
        }
        return all.first { $0.name == topic }?.text
    }

    private static let jobs = """
        deblurdiff run --jobs - [--model MODEL] [options]

        Each line of standard input (or of a file) is a JSON object, and is answered by one line on standard output, in order. The model stays in memory.

          {"id": 7, "input": "a.jpg", "output": "b.jpg", "options": {"seed": 5, "tiled": true}}

          id       anything; it comes back with the answer
          input    a photograph
          output   the file of its result
          options  options of 'run' that decide a result, by their names without hyphens: numbers, texts, true and false. They go before those of the command line.
                   Not those of the process: model, threads, precision, memory, isa, tune, -O.

        The answer is a line as in a manifest, with id and the line's number:

          {"id":7,"line":1,"input":"a.jpg","output":"b.jpg","state":"done","width":640,"height":480,"seconds":1.2,"seed":5,"model":...,"modelDigest":...}

        state is done, skipped (it is there, made in the same way) or failed, with "error". A line that is no such object, or longer than 1 MB, is answered with a failed one; the next
        line is read all the same. Empty lines are passed over. The end of the input ends the program, with status 0.
        """

    private static let progress = """
        deblurdiff run ... --progress json

        Lines of JSON on standard error, each with "event":

          plan      photographs, seconds, peakBytes, availableBytes: before anything runs
          progress  input, phase (encodingText, encodingImage, preparing, sampling, decoding), step, steps, share (0 to 1), seconds, secondsLeft, secondsPerStep, memoryBytes;
                    of several photographs also photograph, photographs, allShare, allSecondsLeft
          preview   input, path, step: a preview was written
          ended     report: what became of a photograph, as a line of a manifest
          message, warning, error    text

        What is not known is left out. A command that fails ends with a text for people, which does not begin with a brace.
        """

    private static let resume = """
        The first Ctrl-C (or SIGTERM) ends the work after the step under way, the second at once. Each 20 seconds, and then, the state of the sampler is kept in
        ~/.cache/deblurdiff/unfinished (--state-dir), a small file that is named after the program, the model, the photograph and all options that decide the result. The same command
        goes on from there, to the same bits, also after a crash; --no-resume begins anew and keeps nothing. What is older than 30 days is removed.

        Results that are there are looked at: made from the same photograph with the same model and options, and whole, they are not made again; --overwrite makes them anew. Results
        say in their metadata how they were made; of those of --strip-metadata a note is kept beside the states.
        """

    private static let exitStatus = """
        0    all was done
        1    something could not be read, restored or written; of several photographs the others were done. 'plan': a photograph will not fit into memory
        64   a mistake in the command line
        130  interrupted by Ctrl-C, after the state was kept; 143 by SIGTERM
        141  the reader of standard output has gone
        """

    private static let files = """
        ~/.config/deblurdiff/config.yaml    options that commands take where the command line has no others: 'model', and a section for each command
                                              model: /data/deblurdiff.ddiff.safetensors
                                              run:
                                                steps: 20
                                                tiled: true
        ~/.cache/deblurdiff/kernels.json    times of kernels (--tune)
        ~/.cache/deblurdiff/speeds.json     how fast the machine is with a model, for 'plan'
        ~/.cache/deblurdiff/times.json      and with what it does beside the networks
        ~/.cache/deblurdiff/unfinished/     interrupted work

        XDG_CONFIG_HOME and XDG_CACHE_HOME are heeded. The files in the cache can be removed at any time. DEBLURDIFF_MODEL names the model where neither an argument nor --model does;
        it goes before the configuration, which goes before the model that comes with the program.
        """

    private static let photographs = """
        PNG, JPEG, TIFF, WebP, HEIC and AVIF are read, told by their bytes; PNG, JPEG, TIFF and WebP are written. Pictures come out upright. Colours go from the photograph's profile to
        sRGB for the networks, and back (CMYK stays sRGB). 16 bits stay 16 in PNG and TIFF; grey stays grey; transparency stays where the format has it. EXIF, XMP and IPTC are carried
        over, and program, model, seed and options are written into the result: 'deblurdiff inspect PHOTO' shows them.
        """

    private static let metrics = """
        deblurdiff evaluate RESULTS --reference SHARP --metric psnr,ssim,...

          psnr         peak signal-to-noise ratio of red, green and blue together, in dB; inf for equal images
          psnr-y       the same of Y (ITU-R BT.601, 16 to 235)
          ssim         structural similarity, Gaussian window of 11 x 11, sigma 1.5, the mean of red's, green's and blue's
          ssim-y       the same of Y
          ms-ssim      the same of Y at five scales; from 176 x 176 pixels on
          ssimulacra2  SSIMULACRA 2.1: 100 is equal, 90 not to be told apart, 70 good, 30 poor
          niqe         naturalness without a reference, lower is better; from two blocks of 96 x 96 pixels on
          sharpness    variance of the Laplacian, without a reference; noise counts, too
          NAME=FILE    an ONNX model: its inputs are the image and, if there are two, the reference, float32 [1, 3, height, width], sRGB in 0...1; its output is one number. Of names that
                       begin with lpips or dists lower is better. Tools/metrics/export.py makes such models of LPIPS, DISTS, MUSIQ, MANIQA and CLIP-IQA

        Photographs are compared in sRGB, on levels 0 to 255 whatever their depth. Means leave out what is infinite, and say how many that were.

        A photograph finds its reference by its path below the folder that was given, without the ending, without folders called blur, blurred, input, train_blur, val_blur, sharp, gt,
        target, groundtruth, ground_truth, train_sharp or val_sharp, and without blur_ or gt_ in front of its name; else by its name, if one reference alone has that. Without --reference
        the folders of sharp photographs in RESULTS are the references. Of GoPro's blur and blur_gamma the first counts. So data sets can be given as they are published:

          GoPro     SCENE/blur/000001.png, SCENE/sharp/000001.png      DVD    SCENE/input/00000.jpg, SCENE/GT/00000.jpg
          RealBlur  scene001/blur/blur_1.png, scene001/gt/gt_1.png     REDS   val_blur/000/00000000.png, val_sharp/000/00000000.png
          HIDE      test/test-close-ups/NAME.png, GT/NAME.png          RWBI   no references
        """
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
