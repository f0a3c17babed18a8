import ArgumentParser

/// Texts of `deblurdiff help TOPIC`.
enum HelpTopics {
    /// A new one is a line here, and its text.
    static let all: [(name: String, abstract: String, text: String)] = [
        ("jobs", "lines of JSON for 'run --jobs'", jobs), ("progress", "lines of JSON of 'run --progress json'", progress),
        ("resume", "what is kept when work is interrupted, and how it goes on", resume), ("exit-status", "what commands end with", exitStatus),
        ("files", "files that the program reads and writes by itself", files), ("photographs", "formats, colours, metadata", photographs),
        ("metrics", "what 'evaluate' measures, and how photographs find their references", metrics),
        ("samplers", "ways from noise to the image, and which is for what", samplers),
        ("steps", "presets, and what steps can leave out", steps),
        ("random-numbers", "what the same seed means", randomNumbers), ("cleaner", "a network in front of the model", cleaner),
        ("blur", "what 'blur' writes, and how blur is estimated", blur),
    ]

    static func text(_ topic: String) -> String? {
        if topic == "topics" {
            return "Topics, for 'deblurdiff help TOPIC':\n\n" + all.map { "  " + $0.name.padded(to: 14) + $0.abstract }.joined(separator: "\n")
        }
        return all.first { $0.name == topic }?.text
    }

    private static let samplers = """
        deblurdiff run PHOTO --sampler NAME [--steps N] [--spacing NAME | --timesteps 999,850,...] [--eta X] [--better-start]

        A step is one evaluation of the networks, and takes the same time with every sampler.

          spaced       the released program's, and the default: draws each step from the diffusion process; for 50 steps
          ddim         without noise; with --eta between 0 and 1 some is drawn anew at each step
          dpm++2m      DPM-Solver++ of the second order, without noise
          dpm++2m-sde, dpm++3m-sde
                       DPM-Solver++ of the second and third order with noise: for 10 to 20 steps from noise
          unipc        UniPC of the second order, without noise: for few steps with --better-start
          euler        ddim, by another name
          euler-a      spaced, by another name and up to rounding; takes --eta
          heun         Heun's method, two evaluations for each level of noise, so that N steps go down N / 2 + 1 levels
          restart      heun, and near the end up again by a quarter of its levels with new noise, and down once more, from 36 levels on twice: for 20 steps and more

        Without noise, restoration from nothing but noise does badly (so DiffBIR's users say of the same process): take a sampler with noise, or --better-start, which starts from the
        photograph's low frequencies.

        Levels of noise (--spacing):

          even              evenly spaced timesteps, 999 and 0 among them, as in the released program
          trailing          evenly spaced, without 0: for 20 steps and less
          karras            more steps where there is little noise
          exponential       evenly spaced in the logarithm of the noise
          align-your-steps  levels found for Stable Diffusion 1.5 (Sabour et al., 2024), whose process is the same: for about 10 steps
          ends              more steps early and late

        A level is rounded to one of the 1000 timesteps, which the networks were trained on. A model may have been trained for one way alone: the small model that comes with the program
        is for its own 2 steps. All results but those of spaced and even are approximations of what the released program computes; the same seed gives the same result.
        """

    private static let cleaner = """
        deblurdiff run PHOTO --cleaner FILE.onnx

        A network that photographs go through first, as DiffBIR's first stage (SwinIR, BSRNet, SCUNet). What it puts out is the photograph for all that follows, and it is where the
        colours come from; --blend mixes with the photograph as it was.

        FILE is an ONNX model, or a file that 'convert' made of one. Its one input is an image, float32 [1, 3, height, width], sRGB in 0...1; its output is one of the same size, or of a whole
        multiple of it (up to 16), which is made smaller again.

        If height and width are open, it sees the photograph whole, with zeros at the right and below where it takes multiples of 64 alone, as SwinIR. If they are fixed, it sees
        tiles of that size, each half a tile behind the one before, which are blended.
        """

    private static let steps = """
        deblurdiff run PHOTO --preset exact|high|fast|draft [--forecast N] [--reuse STAGE:N,... | --step-schedule FILE]

        For a model that takes 50 steps by itself, as the released one:

          exact  its own steps, sampler and float32, as without
          high   20 steps of dpm++3m-sde, trailing, 16-bit products
          fast   10 steps of dpm++2m-sde, trailing, better start, 16-bit products; LKPN and control network every second step
          draft  4 steps of unipc, trailing, better start, 16-bit products; LKPN, control network and encoder every second step

        Models of fewer steps take as large a part of theirs, and those of less than 10 change nothing but the number of steps and the precision (high: the precision alone). Options that are
        named go before the preset's. Where several photographs share a process (serve, --jobs), the precision is the process's.

        What follows is an approximation, and off unless asked for:

          --forecast N          no network runs at most steps behind the fourth; their estimate of the image is forecast from those before (a Chebyshev fit, as in Spectrum). Every nth step
                                and the last tenth are computed
          --reuse STAGE:N,...   a stage runs at the first two steps, every nth and the last, and its result is kept between:
                                  lkpn         the kernel prediction network and the adaptive convolution
                                  control_net  the control network
                                  encoder      the denoiser's input blocks but the first, and its middle (with control_net as in Faster Diffusion)
                                  decoder      its output blocks but the last (with encoder and control_net as in DeepCache)
          --step-schedule FILE  says for each step what is computed: {"steps": 10, "forecast": [6, 8], "computed": {"encoder": [1, 2, 4, 9]}}, with steps counted from 1. What is not
                                named is always computed. 'tune-steps' finds one within a budget of error

        What is kept takes memory, with tiles for each of them; 'plan' counts it. Such runs go on after an interruption as others do. Records and pictures that explain are of exact runs.
        """

    private static let randomNumbers = """
        deblurdiff run PHOTO... [--seed N] [--rng library|program|cuda] [--rng-skip N] [--cuda-device NAME] [--seed-mode each|once]

          library  numbers of PyTorch's CPU generator (mt19937), seeded just before each photograph: a result does not depend on the photographs before it
          program  what the released program has on a CPU: it seeds, and then builds the model, whose initialisation draws 2,795,461,135 outputs at the released sizes; for a model of
                   other sizes name their count with --rng-skip. The seed is set once, and photographs share one stream of numbers
          cuda     what the released program has on a GPU: noise of the start and of the steps from Philox4x32-10, as PyTorch draws it there; the autoencoder's noise from the CPU
                   generator, as with program. A latent of more than 125,952 numbers is laid out by the card: --cuda-device A100, H100, RTX-3090, RTX-4090, or how many threads the card
                   runs at once (its multiprocessors times its threads a multiprocessor)

        --seed-mode says otherwise where a photograph's numbers begin. A GPU's sine and logarithm differ in their last places, and its networks round in their own way: results are those
        of the released program to a level or two, not to the bit.
        """

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

        state is done, skipped (it is there, made in the same way), copied (nearly sharp, with --only-if-blurred) or failed, with "error"; blur is the extent of the photograph's
        blur in pixels, estimated. A line that is no such object, or longer than 1 MB, is answered with a failed one; the next
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
        ~/.cache/deblurdiff/packed/         weights of large models, packed for this machine ('pack')
        ~/.cache/deblurdiff/unfinished/     interrupted work
        ~/.local/share/deblurdiff/          jobs of 'serve', their photographs and results (--data)

        XDG_CONFIG_HOME, XDG_CACHE_HOME and XDG_DATA_HOME are heeded. The files in the cache can be removed at any time. DEBLURDIFF_MODEL names the model where neither an argument nor --model does;
        it goes before the configuration, which goes before the model that comes with the program.
        """

    private static let blur = """
        deblurdiff blur SHARP... -o PAIRS && deblurdiff run PAIRS/blur -o PAIRS/restored

          PAIRS/blur/NAME.png      the blurred photograph; NAME-1.png, NAME-2.png ... with --count
          PAIRS/sharp/NAME.png     the sharp one, of the same size: cut by half a kernel on each side (--edges)
          PAIRS/kernels/NAME.npy   float32 [layers, size, size], each layer with a sum of 1: the background's kernel, then those of the regions from back to front
          PAIRS/kernels/NAME.png   the same to look at
          PAIRS/blur.jsonl         a line of JSON for each: seed, size, noise, quality, and of each layer's trajectory the length, extent (the largest distance between two of its
                                   points), direction (degrees clockwise from the right), turning (degrees a pixel), and the share of the picture that shows it

        With --frames N folders of frames are taken, N that follow each other for a picture; the sharp one is the frame in the middle.
        The pixels follow from the seed, the name and the options, and are the same everywhere, but with --jpeg, which is libjpeg-turbo's.

        'inspect PHOTO' estimates the extent of a photograph's blur from itself, and 'run' warns below 2 pixels: of a nearly sharp photograph, restoring takes more than it gives.
        Noise makes photographs look sharper than they are.
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
